#pragma once

// `Url`: the parts of a request's address that tell whether it goes to a model.
//
// Looked at for every request of a program, so nothing is copied: the parts are slices of the text.
//
// Threads: a plain value; the text must stay. Errors: `parse` gives nothing for what is no http(s) address.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ascii.h"

namespace braintrust::llm {

struct Url {
  bool https = true;
  std::string_view host;   // in any case; an IPv6 address without its brackets
  std::uint16_t port = 0;  // 0: the scheme's own
  std::string_view path;   // from its slash on, without query

  static std::optional<Url> parse(std::string_view text) noexcept;
  std::uint16_t effective_port() const noexcept { return port != 0 ? port : https ? 443 : 80; }
};

using ascii::same_ignoring_case;

// What stands in a path behind `before`, up to the next slash, decoded; blank when `before` is not in it.
std::string path_segment(std::string_view path, std::string_view before);

}  // namespace braintrust::llm
