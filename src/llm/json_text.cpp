#include "llm/json_text.h"

#include <braintrust/core/json.h>

namespace braintrust::llm {

std::string json_string(std::string_view text) {
  detail::Buffer buffer;
  detail::JsonWriter writer{buffer};
  writer.string(text);
  return std::string(buffer.view());
}

void add_joined(ObjectText& to, const JoinedMembers& members) {
  for (const JoinedMember& member : members) to.add(member.key, member.elements.empty() ? member.last : member.elements.text());
}

std::string changed(JsonView object, std::initializer_list<Change> changes) {
  ObjectText out;
  std::uint64_t placed = 0;  // a bit for each change
  object.each_member([&](std::string_view key, JsonView value) {
    std::string_view json = value.text();
    std::uint64_t bit = 1;
    for (const Change& change : changes) {
      if (same_key(key, change.key)) {
        json = change.json;
        placed |= bit;
      }
      bit <<= 1;
    }
    out.add(key, json);
  });
  std::uint64_t bit = 1;
  for (const Change& change : changes) {
    if ((placed & bit) == 0) out.add(change.key, change.json);
    bit <<= 1;
  }
  return out.text();
}

std::string message(std::string_view role, std::string_view content) {
  return ObjectText().add_string("role", role).add("content", content).text();
}

}  // namespace braintrust::llm
