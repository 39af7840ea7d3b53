#include "pipeline/blocking_http.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "pipeline/background_thread.h"
#include "pipeline/jitter.h"
#include "pipeline/retry.h"

namespace braintrust::pipeline {
namespace {

constexpr std::size_t most_idle = 16;

// Clients that nobody uses at present, each with its kept connections. Never destroyed: threads may outlive static
// destruction.
class IdleClients {
 public:
  std::unique_ptr<HttpClient> take() {
    const std::lock_guard lock(mutex_);
    leave_behind_what_a_parent_owns();
    if (idle_.empty()) return std::make_unique<HttpClient>();
    auto client = std::move(idle_.back());
    idle_.pop_back();
    return client;
  }

  void give_back(std::unique_ptr<HttpClient> client) {
    const std::lock_guard lock(mutex_);
    if (process_ == process_id() && idle_.size() < most_idle) return idle_.push_back(std::move(client));
    if (process_ != process_id()) left_behind_.push_back(client.release());
  }

 private:
  // After a fork its connections are the parent's: closing them politely would end the parent's, too.
  void leave_behind_what_a_parent_owns() {
    if (process_ == process_id()) return;
    for (auto& client : idle_) left_behind_.push_back(client.release());
    idle_.clear();
    process_ = process_id();
  }

  std::mutex mutex_;
  long process_ = process_id();
  std::vector<std::unique_ptr<HttpClient>> idle_;
  std::vector<HttpClient*> left_behind_;  // in sight of leak checkers
};

IdleClients& idle_clients() {
  static IdleClients* const instance = new IdleClients;
  return *instance;
}

}  // namespace

HttpResponse send_and_wait(HttpRequest request) {
  auto client = idle_clients().take();
  std::optional<HttpResponse> answer;
  client->submit(std::move(request), [&](HttpResponse response) { answer = std::move(response); });
  while (!answer) client->poll(std::chrono::hours(1));
  idle_clients().give_back(std::move(client));
  return *std::move(answer);
}

HttpResponse with_retries(unsigned tries, const std::function<HttpResponse()>& send, std::chrono::milliseconds first_wait,
                          unsigned tries_if_asked) {
  const Backoff backoff{.first = first_wait};
  Jitter jitter;
  for (unsigned failures = 1;; ++failures) {
    HttpResponse response = send();
    const bool asked_to_wait = response.status == 429 || !response.retry_after.empty();
    const unsigned most = asked_to_wait ? std::max(tries, tries_if_asked) : tries;
    if (response.ok() || !may_retry(response.status) || failures >= most) return response;
    const auto asked = parse_retry_after(response.retry_after, std::chrono::system_clock::now());
    std::this_thread::sleep_for(std::max(backoff.wait(failures, jitter.fraction()), asked.value_or(first_wait / 2)));
  }
}

}  // namespace braintrust::pipeline
