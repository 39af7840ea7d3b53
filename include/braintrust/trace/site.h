#pragma once

// `Site`: the place in the code where a span was started. Filled by a default argument, so callers never write it.
//
// Threads: a plain value; its texts are string literals of the caller's module and are copied before the span is handed over.
// Source: PROTO 4.2 `context` (caller_functionname, caller_filename, caller_lineno).

namespace braintrust {

struct Site {
  const char* file = nullptr;
  const char* function = nullptr;
  int line = 0;

  // std::source_location in all but name: Clang 14 does not have that with this standard library.
  static constexpr Site current(const char* file = __builtin_FILE(), const char* function = __builtin_FUNCTION(),
                                int line = __builtin_LINE()) noexcept {
    return {file, function, line};
  }
};

}  // namespace braintrust
