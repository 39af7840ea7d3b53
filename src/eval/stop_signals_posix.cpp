#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <iterator>

#include <braintrust/eval/eval.h>

#include "eval/stop_signals.h"

namespace braintrust::detail {
namespace {

constexpr int numbers[] = {SIGINT, SIGTERM};
struct sigaction before[std::size(numbers)];
std::atomic<int> caught_number = 0;
static_assert(std::atomic<int>::is_always_lock_free, "used by a signal handler");

extern "C" void braintrust_eval_stop(int number) {
  const int error = errno;
  if (caught_number.exchange(number) != 0) {
    ::signal(number, SIG_DFL);
    ::raise(number);  // comes when the handler is over
  } else {
    interrupt_evals();
    constexpr char text[] = "\nEnding: cases that run are waited for. Once more ends at once.\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, sizeof text - 1);
  }
  errno = error;
}

}  // namespace

StopSignals::StopSignals() {
  caught_number = 0;
  struct sigaction ours {};
  ours.sa_handler = braintrust_eval_stop;
  ours.sa_flags = SA_RESTART;
  sigemptyset(&ours.sa_mask);
  for (std::size_t i = 0; i < std::size(numbers); ++i) {
    ::sigaction(numbers[i], nullptr, &before[i]);
    if (before[i].sa_handler != SIG_IGN) ::sigaction(numbers[i], &ours, nullptr);
  }
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < std::size(numbers); ++i) ::sigaction(numbers[i], &before[i], nullptr);
}

int StopSignals::caught() noexcept { return caught_number; }

}  // namespace braintrust::detail
