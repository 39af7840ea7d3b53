#include "pipeline/blocking_http.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "pipeline/jitter.h"
#include "pipeline/per_process.h"

namespace braintrust::pipeline {
namespace {

constexpr std::size_t most_idle = 16;

// Clients that nobody uses at present, each with its kept connections. Those of a parent process are left alone: closing its
// connections politely would end them for the parent, too.
class IdleClients {
 public:
  std::unique_ptr<HttpClient> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<HttpClient>();
    auto client = std::move(idle_.back());
    idle_.pop_back();
    return client;
  }

  void give_back(std::unique_ptr<HttpClient> client) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < most_idle) idle_.push_back(std::move(client));
  }

  // One that a parent had taken.
  void leave_behind(std::unique_ptr<HttpClient> client) {
    const std::lock_guard lock(mutex_);
    left_behind_.push_back(client.release());
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<HttpClient>> idle_;
  std::vector<HttpClient*> left_behind_;  // in sight of leak checkers
};

// Never destroyed: threads may outlive static destruction.
IdleClients& idle_clients() {
  static auto* const instance = new PerProcess<IdleClients>;
  return instance->get();
}

}  // namespace

HttpResponse send_and_wait(HttpRequest request) {
  IdleClients& clients = idle_clients();
  auto client = clients.take();
  std::optional<HttpResponse> answer;
  client->submit(std::move(request), [&](HttpResponse response) { answer = std::move(response); });
  while (!answer) client->poll(std::chrono::hours(1));
  // Another one's when a callback forked.
  IdleClients& now = idle_clients();
  if (&now == &clients) {
    clients.give_back(std::move(client));
  } else {
    now.leave_behind(std::move(client));
  }
  return *std::move(answer);
}

HttpResponse with_retries(unsigned tries, const std::function<HttpResponse()>& send, const Repetition& how) {
  const Backoff backoff{.first = how.first_wait};
  Jitter jitter;
  for (unsigned failures = 1;; ++failures) {
    HttpResponse response = send();
    const bool asked_to_wait = response.status == 429 || !response.retry_after.empty();
    const unsigned most = asked_to_wait ? std::max(tries, how.tries_if_asked) : tries;
    if (response.ok() || !how.may_repeat(response.status) || failures >= most) return response;
    const auto asked = parse_retry_after(response.retry_after, std::chrono::system_clock::now());
    std::this_thread::sleep_for(std::max(backoff.wait(failures, jitter.fraction()), asked.value_or(how.first_wait / 2)));
  }
}

}  // namespace braintrust::pipeline
