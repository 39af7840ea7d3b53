#include <atomic>
#include <csignal>

#include <braintrust/eval/eval.h>

#include "eval/stop_signals.h"

namespace braintrust::detail {
namespace {

void (*before)(int) = SIG_DFL;
std::atomic<int> caught_number = 0;

extern "C" void braintrust_eval_stop(int number) {
  caught_number = number;
  interrupt_evals();
  std::signal(number, SIG_DFL);  // the second one ends the program
}

}  // namespace

StopSignals::StopSignals() {
  caught_number = 0;
  before = std::signal(SIGINT, braintrust_eval_stop);
}

StopSignals::~StopSignals() { std::signal(SIGINT, before); }

int StopSignals::caught() noexcept { return caught_number; }

}  // namespace braintrust::detail
