// Work on other threads: a span that is current here is not current there, unless it is taken along.

#include <braintrust/braintrust.h>
#include <braintrust/trace/executor.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

#include "support/offline.h"

// A thread pool like yours: one thread will do here.
class Pool {
 public:
  ~Pool() {
    post({});  // nothing to run: the end
    thread_.join();
  }
  void post(std::function<void()> fn) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(fn));
    changed_.notify_one();
  }

 private:
  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return !queue_.empty(); });
      const auto fn = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      if (!fn) return;
      fn();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  std::thread thread_{[this] { run(); }};
};

int rate(int document) {
  TRACED(document);
  return TRACED_OUTPUT(document * 10);
}

int main() {
  examples::Offline offline;
  auto logger = braintrust::init_logger({.project = "My Project (C++)"});
  Pool my_pool;

  // [threads]
  auto span = logger.start_span("rate_documents");

  // `bind_context`: the function runs under the span that is current now, on whatever thread.
  auto first = std::async(std::launch::async, braintrust::bind_context([] { return rate(1); }));

  // `TracedExecutor`: a pool that does so with everything it is given.
  braintrust::TracedExecutor pool{my_pool};
  std::promise<int> second;
  pool.post([&] { second.set_value(rate(2)); });

  span.log({.output = first.get() + second.get_future().get()});
  // [threads end]
}
