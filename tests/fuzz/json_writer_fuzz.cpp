// Values made of bytes, written by `Json`, read by nlohmann::json: the same tree.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>

#include <nlohmann/json.hpp>

#include <braintrust/core/json.h>

#include "core/utf8.h"
#include "fuzz/fuzz.h"

namespace braintrust::fuzz {
namespace {

using Tree = nlohmann::json;

struct Both {
  Json json;
  Tree tree;
};

class Maker {
 public:
  explicit Maker(std::string_view bytes) : bytes_(bytes) {}

  Both value(int depth) {
    const unsigned kind = byte() % (depth > 0 ? 14U : 10U);
    switch (kind) {
      case 0:
        return {nullptr, nullptr};
      case 1:
        return both(byte() % 2 == 0);
      case 2:
        return both(word<std::int64_t>());
      case 3:
        return both(word<std::uint64_t>());
      case 4:
        return both(word<std::int16_t>());
      case 5:
        return number(word<double>());
      case 6:
        return number(word<float>());
      case 7:
        return number(static_cast<double>(word<std::int32_t>()) / std::pow(10, byte() % 12));
      case 8:
      case 9: {
        const std::string_view raw = text();
        return {raw, with_replacements(raw)};
      }
      case 10: {
        std::vector<Json> list;
        Tree tree = Tree::array();
        for (unsigned i = byte() % 8U; i > 0; --i) {
          Both element = value(depth - 1);
          list.push_back(std::move(element.json));
          tree.push_back(std::move(element.tree));
        }
        return {list, tree};
      }
      case 11: {
        std::map<std::string, Json> members;
        std::map<std::string, Tree> trees;
        for (unsigned i = byte() % 8U; i > 0; --i) {
          const std::string key(text());
          Both member = value(depth - 1);
          members[key] = std::move(member.json);
          trees[key] = std::move(member.tree);
        }
        Tree tree = Tree::object();  // where two keys become one, the last counts
        for (auto& [key, member] : trees) tree[with_replacements(key)] = std::move(member);
        return {members, tree};
      }
      case 12: {
        const Both inside = value(depth - 1);
        const std::string key(text());
        return {{{key, std::optional(inside.json)}, {"list", Json::array({inside.json, 1, {{"k", nullptr}}})}},
                {{"list", {inside.tree, 1, {{"k", nullptr}}}}, {with_replacements(key), inside.tree}}};
      }
      default: {
        const Both inside = value(depth - 1);
        return {{{"tree", inside.tree}}, {{"tree", inside.tree}}};
      }
    }
  }

 private:
  unsigned byte() {
    if (bytes_.empty()) return 0;
    const auto first = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    return first;
  }
  template <class Word>
  Word word() {
    char raw[sizeof(Word)] = {};
    const std::size_t size = std::min(sizeof raw, bytes_.size());
    std::memcpy(raw, bytes_.data(), size);
    bytes_.remove_prefix(size);
    return std::bit_cast<Word>(raw);
  }
  std::string_view text() {
    const std::string_view taken = bytes_.substr(0, byte());
    bytes_.remove_prefix(std::min(taken.size(), bytes_.size()));
    return taken;
  }
  template <class T>
  static Both both(T value) {
    return {value, value};
  }
  template <class Number>
  static Both number(Number value) {
    const Json json = value;
    if (std::isnan(value)) return {json, "NaN"};
    if (std::isinf(value)) return {json, value > 0 ? "Infinity" : "-Infinity"};
    const std::string text(json.text());
    const auto read = static_cast<Number>(std::strtod(text.c_str(), nullptr));
    must(read == value && std::signbit(read) == std::signbit(value), "a number reads back the same", text);
    return {json, std::strtod(text.c_str(), nullptr)};
  }
  static std::string with_replacements(std::string_view raw) {
    std::string out;
    while (!raw.empty()) {
      const auto sequence = utf8::next_sequence(raw);
      out += sequence.valid ? raw.substr(0, sequence.length) : "\xEF\xBF\xBD";
      raw.remove_prefix(sequence.length);
    }
    return out;
  }

  std::string_view bytes_;
};

}  // namespace
}  // namespace braintrust::fuzz

namespace {
template <std::size_t Size>
std::string all_of(const char (&text)[Size]) {
  return {text, Size - 1};
}
}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {
      all_of("\x08\x28plain text of some length, so that blocks of it are copied"),
      all_of("\x0A\x05\x08\x05\"\\\n\x01z\x09\x10日Я🎉 é\xE6\x97\x06\x00\x00\x80\x3F\x07\x01\x02\x03\x04\x05"),
      all_of("\x0B\x03\x04key1\x0C\x02\x61\x62\x07\x80\x96\x98\x00\x03\x04é\xE0\x80\x05\x00\x00\x00\x00\x00\x00\xF0\x7F"),
      all_of("\x0D\x0A\x02\x08\x30Съешь ещё क한\xED\xA0\x80\x09\xFFмягких французских булок "
             "🎉🚀🤖👩"),
  };
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace braintrust::fuzz;
  const Both made = Maker(as_text(data, size)).value(6);
  const Tree read = Tree::parse(made.json.text(), nullptr, false);
  must(!read.is_discarded(), "what is written is JSON", made.json.text());
  must(read == made.tree, "what is written means the same", made.json.text());
  return 0;
}
