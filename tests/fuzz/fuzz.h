#pragma once

// What a fuzzer consists of: seeds, and a body that aborts where a promise is broken.
//
// With the presets `fuzz` and `clang` libFuzzer drives the body: build/fuzz/tests/fuzz/json_scan_fuzz -max_total_time=300
// [corpus], or all of them: tests/fuzz/run.sh build/fuzz 300. In every other build mutated_inputs.cpp does, with as many inputs
// as fit a test, the same ones each time.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

// Texts to begin with.
std::vector<std::string> fuzz_seeds();
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace braintrust::fuzz {

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// `promise` says what must hold, `about` the value it does not hold for.
inline void must(bool holds, const char* promise, std::string_view about = {}) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s: ", promise);
  for (const char c : about) std::fprintf(stderr, c >= ' ' && c <= '~' ? "%c" : "\\x%02x", static_cast<unsigned char>(c));
  std::fprintf(stderr, "\n");
  std::abort();
}

// Which of `count` kinds an input is of: its first byte says so, unless BRAINTRUST_FUZZ_KIND fixes one (0, 1, …) for a whole
// run. Beyond the last kind the program ends with 3.
inline std::size_t kind_of(std::uint8_t first_byte, std::size_t count) {
  static const char* const fixed = std::getenv("BRAINTRUST_FUZZ_KIND");
  if (fixed == nullptr) return first_byte % count;
  const auto kind = static_cast<std::size_t>(std::atoi(fixed));
  if (kind >= count) std::_Exit(3);
  return kind;
}

}  // namespace braintrust::fuzz
