#include "local/calls.h"

#include "local/refused.h"

namespace braintrust::local {

HttpAnswer refuse(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_argument:
      return refuse(400, error.message);
    case ErrorCode::unauthorized:
      return refuse(403, error.message);
    case ErrorCode::not_found:
      return refuse(404, error.message);
    default:
      return refuse(500, error.message);
  }
}

nlohmann::json body_of(const HttpRequest& request) {
  if (request.body.empty()) return nlohmann::json::object();
  // Its depth is checked first: what is read here is written again by calling itself.
  const auto whole = without_lone_surrogates(request.body);
  const std::string_view text = whole ? std::string_view(*whole) : request.body;
  auto body = detail::valid_json(text) ? nlohmann::json::parse(text, nullptr, false) : nlohmann::json();
  if (!body.is_object()) refuse_request("not a JSON object");
  return body;
}

std::optional<std::vector<std::string>> parts_after(std::string_view before, std::string_view path) {
  if (!path.starts_with(before)) return std::nullopt;
  path.remove_prefix(before.size());
  std::vector<std::string> parts;
  for (;;) {
    const auto slash = path.find('/');
    parts.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace braintrust::local
