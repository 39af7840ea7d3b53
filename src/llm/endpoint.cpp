#include "llm/endpoint.h"

#include <algorithm>

#include "core/environment.h"
#include "llm/dialect.h"
#include "llm/registry.h"

namespace braintrust::llm {
namespace {

template <class Visit>
void each_entry(std::string_view list, Visit&& visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view entry = detail::trimmed(list.substr(0, comma));
    if (!entry.empty()) visit(entry);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), fits);
}

// What stands of `path` behind the base, from its slash on; nothing when it is not below it.
std::optional<std::string_view> below(const Endpoints::Declared& declared, const Url& url) {
  if (url.https != declared.https || url.effective_port() != declared.port || !same_ignoring_case(url.host, declared.host) ||
      !url.path.starts_with(declared.path)) {
    return std::nullopt;
  }
  const std::string_view rest = url.path.substr(declared.path.size());
  return rest.starts_with('/') ? std::optional(rest) : std::nullopt;
}

}  // namespace

std::string_view Endpoint::instrumentation() const noexcept { return dialect->instrumentation; }

void Endpoints::declare(std::string_view text, std::vector<std::string>& warnings) {
  each_entry(text, [&](std::string_view entry) {
    const std::size_t equals = entry.find('=');
    const std::string_view name = detail::trimmed(entry.substr(0, equals));
    const std::string_view base =
        equals == std::string_view::npos ? std::string_view() : detail::trimmed(entry.substr(equals + 1));
    if (!is_name(name) || base.empty()) {
      warnings.push_back("endpoint \"" + std::string(name) + "\": write it as name=http://host:port/path");
      return;
    }
    const std::optional<Url> url = Url::parse(base);
    if (!url) {
      warnings.push_back("endpoint \"" + std::string(name) + "\": its base is no http:// or https:// address");
      return;
    }
    std::string_view path = url->path;
    while (path.ends_with('/')) path.remove_suffix(1);
    if (path.ends_with("/v1")) path.remove_suffix(3);
    declared_.push_back({lower(name), url->https, lower(url->host), url->effective_port(), std::string(path)});
  });
}

void Endpoints::switch_off(std::string_view text, std::vector<std::string>& warnings) {
  each_entry(text, [&](std::string_view entry) {
    std::string name = lower(entry);
    const bool known = is_provider_name(name) ||
                       std::any_of(declared_.begin(), declared_.end(), [&](const Declared& one) { return one.name == name; });
    if (!known) warnings.push_back("\"" + name + "\" is switched off, but no provider has this name");
    off_.push_back(std::move(name));
  });
}

bool Endpoints::is_off(std::string_view name) const noexcept { return std::find(off_.begin(), off_.end(), name) != off_.end(); }

std::optional<Endpoint> find_endpoint(const Url& url, const Endpoints& endpoints) {
  const Dialect* dialect = dialect_of_path(url.path);
  // Of a declared base that ended with /v1, all that is left of a path may be this.
  const bool bare_messages = dialect == nullptr && url.path.ends_with("/messages");
  if (dialect == nullptr && !bare_messages) return std::nullopt;

  // The longest base counts: a gateway may offer one provider below another.
  const Endpoints::Declared* nearest = nullptr;
  for (const Endpoints::Declared& declared : endpoints.declared()) {
    const auto rest = below(declared, url);
    if (!rest || (nearest != nullptr && declared.path.size() <= nearest->path.size())) continue;
    if (bare_messages && *rest != "/messages") continue;
    nearest = &declared;
  }
  if (bare_messages) dialect = nearest != nullptr ? dialect_of_path("/v1/messages") : nullptr;
  const std::string_view provider = nearest != nullptr ? std::string_view(nearest->name) : provider_of(url);
  if (dialect == nullptr || provider.empty() || endpoints.is_off(provider)) return std::nullopt;
  return Endpoint{dialect, std::string(provider)};
}

std::optional<Endpoint> find_endpoint(std::string_view url, const Endpoints& endpoints) {
  const std::optional<Url> parts = Url::parse(url);
  return parts ? find_endpoint(*parts, endpoints) : std::nullopt;
}

}  // namespace braintrust::llm
