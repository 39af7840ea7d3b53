#include <braintrust/otlp/otlp.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include <braintrust/core/diagnostics.h>
#include <braintrust/core/json.h>
#include <braintrust/version.h>

#include "core/ascii.h"
#include "core/environment.h"
#include "core/json_scan.h"
#include "core/percent.h"
#include "core/utf8.h"
#include "otlp/otlp_outlet.h"
#include "pipeline/http.h"

namespace braintrust {
namespace detail::otlp {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view default_endpoint = "http://localhost:4318";
constexpr std::string_view traces_path = "v1/traces";

// The variable for traces, else the one for all signals.
std::string variable(const Environment& environment, std::string_view name) {
  std::string value = environment.get("OTEL_EXPORTER_OTLP_TRACES_" + std::string(name));
  if (value.empty()) value = environment.get("OTEL_EXPORTER_OTLP_" + std::string(name));
  return std::string(trimmed(value));
}

void tell(std::string_view name, std::string_view expected) {
  report(Severity::warning, ErrorCode::invalid_argument,
         "OTEL_EXPORTER_OTLP_" + std::string(name) + " is not " + std::string(expected) + "; the default counts");
}

std::string choose(const std::string& option, const Environment& environment, std::string_view name) {
  return is_blank(option) ? variable(environment, name) : std::string(trimmed(option));
}

// Names of headers are the same in any case.
void set_header(Pairs& headers, std::string name, std::string value) {
  value = trimmed(value);  // a key from a file ends in a line break
  if (!pipeline::is_header_name(name) || !pipeline::is_header_value(value)) {
    return report(Severity::warning, ErrorCode::invalid_argument,
                  "otlp: a header has a name or a value that no header can have; it is not sent");
  }
  std::erase_if(headers, [&](const auto& header) { return ascii::same_ignoring_case(header.first, name); });
  headers.emplace_back(std::move(name), std::move(value));
}

void set_attribute(Pairs& pairs, std::string key, std::string value) {
  // Protobuf's texts are UTF-8, and many servers refuse all of a request that has another.
  key = utf8::repaired(key);
  value = utf8::repaired(value);
  const auto known = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == key; });
  if (known != pairs.end()) {
    known->second = std::move(value);
  } else {
    pairs.emplace_back(std::move(key), std::move(value));
  }
}

// "key=value,key=value", percent-encoded.
void add_pairs(std::string_view text, Pairs& pairs, void (*set)(Pairs&, std::string, std::string)) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos || trimmed(pair.substr(0, equals)).empty()) continue;
    set(pairs, percent_decoded(trimmed(pair.substr(0, equals))), percent_decoded(trimmed(pair.substr(equals + 1))));
  }
}

std::string traces_url(const OtlpOptions& options, const Environment& environment) {
  const auto with_path = [](std::string_view base) {
    const std::string_view end = base.ends_with('/') ? base.substr(0, base.size() - 1) : base;
    return end.ends_with("/v1/traces") ? std::string(end) : pipeline::join_url(base, traces_path);
  };
  if (!is_blank(options.endpoint)) return with_path(trimmed(options.endpoint));
  // Of the two variables, the one for traces is the whole address.
  if (std::string whole = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"); !whole.empty()) {
    return std::string(trimmed(whole));
  }
  const std::string base = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT");
  return pipeline::join_url(base.empty() ? default_endpoint : trimmed(base), traces_path);
}

const Encoding& encoding_of(const OtlpOptions& options, const Environment& environment) {
  if (options.protocol) return *options.protocol == OtlpProtocol::http_json ? json_encoding() : protobuf_encoding();
  const std::string named = variable(environment, "PROTOCOL");
  if (named == "http/json") return json_encoding();
  if (!named.empty() && named != "http/protobuf") tell("PROTOCOL", "http/protobuf or http/json, which are what is spoken here");
  return protobuf_encoding();
}

bool gzip_wanted(const OtlpOptions& options, const Environment& environment) {
  if (options.gzip) return *options.gzip;
  const std::string named = variable(environment, "COMPRESSION");
  if (!named.empty() && named != "gzip" && named != "none") tell("COMPRESSION", "gzip or none");
  return named == "gzip";
}

std::chrono::milliseconds timeout_of(const OtlpOptions& options, const Environment& environment) {
  const std::chrono::milliseconds usual = OtlpSettings().timeout;
  if (options.timeout) return std::max(*options.timeout, std::chrono::milliseconds(1));
  const std::string text = variable(environment, "TIMEOUT");
  if (text.empty()) return usual;
  long milliseconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), milliseconds);
  if (error == std::errc() && end == text.data() + text.size() && milliseconds > 0) {
    return std::chrono::milliseconds(milliseconds);
  }
  tell("TIMEOUT", "a whole number of milliseconds above zero");
  return usual;
}

Resource resource_of(const OtlpOptions& options, const Environment& environment) {
  Resource resource{.attributes = {{"service.name", "unknown_service"}},
                    .scope_name = "braintrust.sdk.cpp",
                    .scope_version = BRAINTRUST_VERSION};
  add_pairs(environment.get("OTEL_RESOURCE_ATTRIBUTES"), resource.attributes, set_attribute);
  if (const std::string name = environment.get("OTEL_SERVICE_NAME"); !name.empty()) {
    set_attribute(resource.attributes, "service.name", name);
  }
  for (const auto& [key, value] : options.resource_attributes) set_attribute(resource.attributes, key, value);
  if (!is_blank(options.service_name)) set_attribute(resource.attributes, "service.name", options.service_name);
  set_attribute(resource.attributes, "telemetry.sdk.name", "braintrust");
  set_attribute(resource.attributes, "telemetry.sdk.language", "cpp");
  set_attribute(resource.attributes, "telemetry.sdk.version", BRAINTRUST_VERSION);
  return resource;
}

OtlpSettings settings_of(const OtlpOptions& options, const Environment& environment) {
  OtlpSettings settings{.url = traces_url(options, environment),
                        .encoding = &encoding_of(options, environment),
                        .gzip = gzip_wanted(options, environment),
                        .timeout = timeout_of(options, environment),
                        .tls = {.ca_file = choose(options.ca_file, environment, "CERTIFICATE"),
                                .client_certificate = choose(options.client_certificate, environment, "CLIENT_CERTIFICATE"),
                                .client_key = choose(options.client_key, environment, "CLIENT_KEY")},
                        .resource = resource_of(options, environment)};
  add_pairs(environment.get("OTEL_EXPORTER_OTLP_HEADERS"), settings.headers, set_header);
  add_pairs(environment.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS"), settings.headers, set_header);
  for (const auto& [name, value] : options.headers) set_header(settings.headers, name, value);
  return settings;
}

struct Maker final : pipeline::OutletMaker {
  explicit Maker(OtlpSettings given) : settings(std::move(given)) {}
  std::unique_ptr<pipeline::Outlet> make(const pipeline::Settings& logger, pipeline::HttpClient& http,
                                         pipeline::Counters& counters, std::size_t share) const override {
    return std::make_unique<OtlpOutlet>(settings, logger, http, counters, share);
  }
  const OtlpSettings settings;
};

}  // namespace
}  // namespace detail::otlp

Exporter otlp(const OtlpOptions& options) {
  using namespace detail;
  return Exporter(std::make_shared<otlp::Maker>(otlp::settings_of(options, Environment::snapshot())));
}

}  // namespace braintrust
