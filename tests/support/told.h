#pragma once

// `Told`: what the library told its diagnostics handler while this object lived.
//
// Threads: any; messages are kept in order.

#include <algorithm>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <braintrust/core/diagnostics.h>

namespace braintrust::test {

class Told {
 public:
  Told() {
    set_diagnostics_handler([this](Severity severity, const Error& error) {
      const std::lock_guard lock(mutex_);
      if (severity >= Severity::warning) errors_.push_back(error);
    });
  }
  ~Told() { set_diagnostics_handler({}); }
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;

  std::vector<Error> all() const {
    const std::lock_guard lock(mutex_);
    return errors_;
  }
  std::size_t count(ErrorCode code) const {
    const auto errors = all();
    return static_cast<std::size_t>(
        std::count_if(errors.begin(), errors.end(), [&](const Error& e) { return e.code == code; }));
  }
  bool mentions(std::string_view text) const {
    const auto errors = all();
    return std::any_of(errors.begin(), errors.end(), [&](const Error& e) { return e.message.find(text) != std::string::npos; });
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Error> errors_;
};

}  // namespace braintrust::test
