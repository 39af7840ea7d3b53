#include "llm/url.h"

#include <charconv>

#include "core/percent.h"

namespace braintrust::llm {
namespace {

// The text before the first of these characters. (`find_first_of` takes several times as long.)
template <class... Char>
std::string_view before(std::string_view text, Char... ends) {
  ((text = text.substr(0, text.find(ends))), ...);
  return text;
}

}  // namespace

std::optional<Url> Url::parse(std::string_view text) noexcept {
  Url url;
  if (same_ignoring_case(text.substr(0, 8), "https://")) {
    text.remove_prefix(8);
  } else if (same_ignoring_case(text.substr(0, 7), "http://")) {
    url.https = false;
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  std::string_view authority = before(text, '/', '?', '#');
  text.remove_prefix(authority.size());
  url.path = before(text, '?', '#');

  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  std::size_t colon = authority.rfind(':');
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return std::nullopt;
    url.host = authority.substr(1, bracket - 1);
    colon = bracket + 1 < authority.size() && authority[bracket + 1] == ':' ? bracket + 1 : std::string_view::npos;
  } else {
    url.host = authority.substr(0, colon);
  }
  if (colon != std::string_view::npos && colon + 1 < authority.size()) {
    const char* const end = authority.data() + authority.size();
    const auto [read, error] = std::from_chars(authority.data() + colon + 1, end, url.port);
    if (error != std::errc() || read != end) return std::nullopt;
  }
  return url.host.empty() ? std::nullopt : std::optional<Url>(url);
}

std::string path_segment(std::string_view path, std::string_view before) {
  const std::size_t at = path.find(before);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = path.substr(at + before.size());
  return detail::percent_decoded(rest.substr(0, rest.find('/')));
}

}  // namespace braintrust::llm
