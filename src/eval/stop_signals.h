#pragma once

// `StopSignals`: while it lives, Ctrl-C and a request to terminate end the evals early; a second one ends the program at once,
// as if this were not here.
//
// Threads: one of it at a time. Errors: none. A signal that the program was told to ignore stays ignored.
// Source: signal-safety(7).

namespace braintrust::detail {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();  // puts things back as they were
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // The number of the signal that came; 0: none.
  static int caught() noexcept;
};

}  // namespace braintrust::detail
