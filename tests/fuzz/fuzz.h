#pragma once

// What a fuzzer consists of: seeds, and a body that aborts where a promise is broken.
//
// With the preset `fuzz` libFuzzer drives the body: build/fuzz/tests/fuzz/json_scan_fuzz -max_total_time=300 [corpus]. In every
// other build mutated_inputs.cpp does, with as many inputs as fit a test, the same ones each time.

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

}  // namespace braintrust::fuzz
