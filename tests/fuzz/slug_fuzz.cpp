// Slugs: whatever comes in decodes or does not; what decodes can be encoded and decoded again to the same.

#include <tuple>

#include <nlohmann/json.hpp>

#include "core/base64.h"
#include "core/json_scan.h"
#include "fuzz/fuzz.h"
#include "trace/slug.h"

namespace braintrust::fuzz {
namespace {

auto tied(const detail::SlugParts& p) {
  return std::tie(p.type, p.object_id, p.project_name, p.project_id, p.row_id, p.span_id, p.root_span_id, p.propagated_event);
}

void check(std::string_view slug) {
  detail::SlugParts first;
  if (!detail::decode_slug(slug, first)) return;
  must(first.propagated_event.empty() || detail::valid_json(first.propagated_event), "a propagated event is JSON", slug);
  detail::SlugParts second, third;
  must(detail::decode_slug(detail::encode_slug(first), second), "what was decoded can be encoded", slug);
  must(second.type == first.type && second.row_id == first.row_id && second.object_id == first.object_id,
       "what it names stays the same", slug);
  must(detail::decode_slug(detail::encode_slug(second), third), "and again", slug);
  must(tied(second) == tied(third), "and is then the same", slug);
}

}  // namespace
}  // namespace braintrust::fuzz

std::vector<std::string> fuzz_seeds() {
  using braintrust::detail::encode_slug;
  const auto decoded = [](const std::string& slug) { return *braintrust::base64::decode(slug); };
  const std::string uuid = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
  return {
      decoded(encode_slug({.project_name = "My App"})),
      decoded(encode_slug({.object_id = uuid})),
      decoded(encode_slug({.project_id = uuid,
                           .row_id = uuid,
                           .span_id = "0123456789abcdef",
                           .root_span_id = "00112233445566778899aabbccddeeff",
                           .propagated_event = R"({"metadata":{"a":[1,null]}})"})),
      decoded(encode_slug({.object_id = uuid, .row_id = uuid, .span_id = "other", .root_span_id = "ids"})),
      std::string("\x03\x01\x03\x01", 4) + std::string(16, 'o') + '\x02' + std::string(16, 'r') + '\x03' +
          std::string(16, 's') + R"({"root_span_id":"x"})",
  };
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace braintrust;
  const std::string_view bytes = fuzz::as_text(data, size);
  fuzz::check(bytes);
  fuzz::check(base64::encode(bytes));  // random bytes are rarely base64
  if (const auto decoded = base64::decode(bytes)) {
    fuzz::must(base64::decode(base64::encode(*decoded)) == decoded, "base64 goes round", bytes);
  }
  return 0;
}
