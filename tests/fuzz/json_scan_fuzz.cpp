// Scanning and merging JSON text, with nlohmann::json as the judge.

#include <nlohmann/json.hpp>

#include "core/json_scan.h"
#include "fuzz/fuzz.h"

namespace braintrust::fuzz {
namespace {

using Tree = nlohmann::json;

struct Judged {
  bool valid;
  bool may_differ;  // nlohmann's reasons are not those of the grammar
  Tree tree;
};

Judged judge(std::string_view text) {
  // A byte-order mark is skipped there, and a zero byte ends the text.
  if (text.starts_with("\xEF\xBB\xBF") || text.find('\0') != std::string_view::npos) return {false, true, {}};
  try {
    return {true, false, Tree::parse(text)};
  } catch (const Tree::out_of_range&) {
    return {false, true, {}};  // 1e999
  } catch (const Tree::parse_error& error) {
    return {false, std::string_view(error.what()).find("surrogate") != std::string_view::npos, {}};
  }
}

bool deep(std::string_view text) {
  std::size_t brackets = 0;
  for (const char c : text) brackets += c == '[' || c == '{' ? 1 : 0;
  return brackets > detail::max_json_depth;
}

void merge_tree(Tree& into, const Tree& from) {
  for (const auto& [key, value] : from.items()) {
    if (value.is_object() && into.contains(key) && into[key].is_object()) {
      merge_tree(into[key], value);
    } else {
      into[key] = value;
    }
  }
}

void check_scan(std::string_view text, const Judged& judged) {
  const bool valid = detail::valid_json(text);
  if (judged.valid) must(valid || deep(text), "accepts what nlohmann accepts", text);
  if (valid) must(judged.valid || judged.may_differ, "refuses what nlohmann refuses", text);

  const auto members = detail::members_of(text);
  const auto elements = detail::elements_of(text);
  if (members || elements) must(valid, "only valid text has members", text);
  if (valid && judged.valid) {
    must(members.has_value() == judged.tree.is_object(), "an object has members", text);
    must(elements.has_value() == judged.tree.is_array(), "an array has elements", text);
  }
  if (members) {
    Tree tree = Tree::object();
    for (const auto& member : *members) {
      must(detail::valid_json(member.value), "a member is valid", member.value);
      if (judged.valid) tree[detail::unescape(member.key)] = Tree::parse(member.value);
    }
    if (judged.valid) must(tree == judged.tree, "the members are the object's", text);
  }
  if (elements) {
    for (const auto& element : *elements) must(detail::valid_json(element), "an element is valid", element);
    if (judged.valid) must(elements->size() == judged.tree.size(), "the elements are the array's", text);
  }
  for (std::size_t from = 0; from <= text.size() && from < 16; ++from) {
    const std::size_t end = detail::skip_value(text, from);
    if (end != std::string_view::npos)
      must(detail::valid_json(text.substr(from, end - from)), "a value ends where it ends", text);
  }
}

}  // namespace
}  // namespace braintrust::fuzz

std::vector<std::string> fuzz_seeds() {
  return {
      R"({"a":{"x":1.5e-7,"y":[true,false,null]},"b\u0041":"\ud83c\udf89 ä \"\\\/"} | {"a":{"y":{}},"bA":-0})",
      R"( [ 1 , "a long string that fills more than one register of sixteen bytes" , { "k" : [ [ ] , { } ] } ] )",
      "\"\xE6\x97\xA5\xD0\xAF\xF0\x9F\x8E\x89\xED\x9F\xBF\xEE\x80\x80\"",
      R"({"tags":["a","b"],"n":12345678901234567890123} | {"tags":["b","c"],"n":1e5})",
      R"({"a":1,"a":{"b":2}}|{"a":{"b":{"c":3}},"":0})",
  };
}

// Two texts with a bar between them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace braintrust;
  using namespace braintrust::fuzz;
  const std::string_view text = as_text(data, size);
  check_scan(text, judge(text));
  const std::size_t bar = text.find('|');
  if (bar == std::string_view::npos) return 0;
  const std::string_view left = text.substr(0, bar), right = text.substr(bar + 1);
  const Judged first = judge(left), second = judge(right);
  check_scan(left, first);
  check_scan(right, second);
  const auto unite = [](std::string_view key) {
    return key == "tags" ? detail::MergeRule::unite_lists
           : key == "a"  ? detail::MergeRule::keep_first
           : key == "b"  ? detail::MergeRule::drop
                         : detail::MergeRule::deep;
  };
  if (const auto ruled = detail::merge_objects(left, right, unite))
    must(detail::valid_json(*ruled), "merged by rules is valid", text);
  const auto merged = detail::merge_objects(left, right);
  must(merged.has_value() == (detail::members_of(left) && detail::members_of(right)), "two objects can be merged", text);
  if (!merged) return 0;
  must(detail::valid_json(*merged), "what is merged is valid", *merged);
  if (!first.valid || !second.valid) return 0;
  Tree expected = first.tree;
  merge_tree(expected, second.tree);
  must(Tree::parse(*merged) == expected, "merged like trees", text);
  return 0;
}
