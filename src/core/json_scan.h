#pragma once

// Reads JSON text without building a tree: is it valid, what are an object's members, what is the merge of two objects.
//
// Used on the background thread, on rows and on what users hand in as raw JSON, and by the local backend on what it is sent.
// Slices of the input are handed out and copied as they are, so numbers keep their exact text (a 20-digit integer, 1e400).
//
// Strict RFC 8259: UTF-8 must be valid, one value with white space around it, `max_json_depth` containers at most.
// Threads: pure functions. Errors: said in the return value. Units: bytes.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace braintrust::detail {

inline constexpr std::size_t max_json_depth = 512;

bool valid_json(std::string_view text) noexcept;

// Whether more than `most` containers stand in one another, in a text that may be no JSON at all. Faster than `valid_json`, for
// texts that are parsed anyway: nlohmann's parser takes any depth, and what is done to its trees then recurs.
bool nests_deeper(std::string_view text, std::size_t most) noexcept;

enum class Numbers { any, finite };  // finite: only what a double can hold, since most readers refuse the others

// The byte at which the text stops being JSON; nothing when it is valid.
std::optional<std::size_t> first_problem(std::string_view text, Numbers numbers = Numbers::any);

// Where the value that begins at `from` ends, or npos when there is no valid value. White space before it is no part of it.
std::size_t skip_value(std::string_view text, std::size_t from) noexcept;

struct JsonMember {
  std::string_view key;    // as written, without its quotes: may hold escapes
  std::string_view value;  // as written
};

// The members of an object in order, duplicates included; nothing when the text is not a valid object.
std::optional<std::vector<JsonMember>> members_of(std::string_view object);

// The elements of an array; nothing when the text is not a valid array.
std::optional<std::vector<std::string_view>> elements_of(std::string_view array);

// Calls `visit(key, value)` for each member; false when the text is not a valid object (then nothing was visited).
template <class Visit>
bool for_each_member(std::string_view object, Visit&& visit) {
  const auto members = members_of(object);
  if (!members) return false;
  for (const JsonMember& member : *members) visit(member.key, member.value);
  return true;
}

// What the inside of a valid JSON string means: escapes become the UTF-8 they stand for, a lone surrogate U+FFFD.
std::string unescape(std::string_view inside);

// What becomes of a top-level member.
enum class MergeRule {
  deep,          // two objects are merged member by member, anything else is overwritten, null and arrays too
  keep_first,    // the first object's value; none when it has none
  prefer_first,  // the first object's value, the second's when that is none or null
  unite_lists,   // two arrays become their union in order of appearance; anything else is overwritten
  drop,          // in neither
};
using MergeRules = MergeRule (*)(std::string_view key);

// `second` merged into `first`; keys are equal when they mean the same. Nothing when either is not a valid object.
std::optional<std::string> merge_objects(std::string_view first, std::string_view second, MergeRules rules = nullptr);

}  // namespace braintrust::detail
