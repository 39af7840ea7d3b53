// Gives libFuzzer a fuzzer's seeds: as files in the folder that BRAINTRUST_FUZZ_SEEDS names, which is then one of its corpora.

#include <fstream>

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* const folder = std::getenv("BRAINTRUST_FUZZ_SEEDS");
  if (folder == nullptr) return 0;
  int number = 0;
  for (const std::string& seed : fuzz_seeds()) {
    std::ofstream(std::string(folder) + "/seed-" + std::to_string(++number), std::ios::binary) << seed;
  }
  return 0;
}
