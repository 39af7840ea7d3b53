#include "local/follow.h"

#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "local/trace_tree.h"
#include "local/tree_print.h"

namespace braintrust::local {
namespace {

constexpr std::chrono::milliseconds pause{100};

}  // namespace

Follower::Follower(Store& store)
    : store_(store),
      output_style_(detail::style_of(stdout)),
      error_style_(detail::style_of(stderr)),
      thread_([this] { run(); }) {}

void Follower::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakeup_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Follower::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wakeup_.wait_for(lock, pause, [&] { return stopping_; });
    lock.unlock();
    print_new();
    lock.lock();
  }
}

void Follower::print_new() {
  for (const auto& id : store_.take_changed_traces()) {
    const auto rows = store_.rows_json(id);
    if (!rows) continue;
    const auto tree = build_tree(*rows);
    for (const auto index : tree.in_order()) {
      const auto& span = tree.spans[index];
      if (!span.end || !printed_.insert(span.row_id).second) continue;
      std::FILE* const file = span.in_experiment ? stderr : stdout;
      fmt::print(file, "{}\n", print_span_line(span, span.in_experiment ? error_style_ : output_style_));
    }
  }
  std::fflush(stdout);
}

}  // namespace braintrust::local
