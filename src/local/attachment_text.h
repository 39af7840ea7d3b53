#pragma once

// References to attachments, for people: `[image/png cat.png 12 KB]` instead of an object of four members.
//
// Threads: pure functions. Errors: none; what is no reference stays as it is. Source: PROTO 11.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace braintrust::local {

// The size of the attachment with this key; nothing when it was not uploaded (yet).
using AttachmentSize = std::function<std::optional<std::size_t>(std::string_view key)>;

// Puts a text in the place of every reference in `value`. Without `size_of`, sizes are left out.
void shorten_references(nlohmann::ordered_json& value, const AttachmentSize& size_of);

// The first such text in `value`, or blank: for parts of a message that hold nothing else worth a line.
std::string short_reference_in(const nlohmann::ordered_json& value);

// "340 B", "12 KB", "1.5 MB".
std::string size_text(std::size_t bytes);

}  // namespace braintrust::local
