// Drives a fuzzer's body without libFuzzer: seeds, mutated by a fixed random sequence.

#include <algorithm>
#include <random>

#include "fuzz/fuzz.h"

namespace {

void mutate(std::string& text, const std::vector<std::string>& seeds, std::mt19937& random) {
  const auto place = [&] { return random() % (text.size() + 1); };
  const std::size_t at = place();
  switch (random() % 6) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(random());
      break;
    case 1:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
      break;
    case 2:
      text.erase(at, random() % 8);
      break;
    case 3:
      text.insert(at, text.substr(place(), random() % 24));
      break;
    case 4: {
      const std::string& other = seeds[random() % seeds.size()];
      text.insert(at, other.substr(random() % (other.size() + 1), random() % 40));
      break;
    }
    default: {
      constexpr std::string_view loaded = "\"\\{}[],:#=$'\n\r\t \0\x01\x7F\x80\xC0\xE0\xED\xF0\xF4\xFF-+.eE019untf";
      text.insert(at, 1, loaded[random() % loaded.size()]);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 20'000;
  const std::vector<std::string> seeds = fuzz_seeds();
  std::mt19937 random(1);
  for (int round = 0; round < rounds; ++round) {
    std::string text = round % 50 == 0 ? std::string() : seeds[random() % seeds.size()];
    const auto mutations = static_cast<std::size_t>(round) < seeds.size() ? 0 : random() % 8;
    for (std::size_t i = 0; i < mutations; ++i) mutate(text, seeds, random);
    // Of its exact size, so that a sanitizer sees a read beyond it.
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::printf("%d inputs\n", rounds);
}
