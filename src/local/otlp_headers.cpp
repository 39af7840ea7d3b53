#include "local/otlp_headers.h"

#include <algorithm>
#include <array>

namespace braintrust::local {
namespace {

// Letters, digits, and what else has no meaning in the list of headers.
bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~:/").find(c) != std::string_view::npos;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (is_plain(c)) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return encoded;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> otlp_variables(std::string_view url, std::string_view parent,
                                                                const detail::Environment& environment) {
  // Whoever set one of these has a place for traces already; its headers may hold a key that is not for us.
  constexpr auto elsewhere = std::to_array<const char*>({"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                                                         "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"});
  const bool set = std::any_of(elsewhere.begin(), elsewhere.end(), [&](auto* name) { return !environment.get(name).empty(); });
  const bool other_protocol = environment.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc" ||
                              environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") == "grpc";
  if (set || other_protocol) return {};
  std::vector<std::pair<std::string, std::string>> variables = {
      {"OTEL_EXPORTER_OTLP_ENDPOINT", std::string(url) + std::string(otlp_path)},
      {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"},
      {"OTEL_EXPORTER_OTLP_HEADERS",
       "Authorization=" + percent_encoded("Bearer local") + ',' + otlp_parent_header + '=' + percent_encoded(parent)},
      {"OTEL_LOGS_EXPORTER", "none"},
      {"OTEL_METRICS_EXPORTER", "none"},
  };
  std::erase_if(variables, [&](const auto& variable) { return !environment.get(variable.first).empty(); });
  return variables;
}

}  // namespace braintrust::local
