#include "core/utf8.h"

namespace braintrust::utf8 {

std::string repaired(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Sequence sequence = next_sequence(text);
    out += sequence.valid ? text.substr(0, sequence.length) : std::string_view("\xEF\xBF\xBD");
    text.remove_prefix(sequence.length);
  }
  return out;
}

}  // namespace braintrust::utf8
