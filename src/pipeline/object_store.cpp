#include "pipeline/object_store.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace braintrust::pipeline {
namespace {

// By the end of the host's name: a name that merely contains it may be anybody's.
bool is_azure(std::string_view url) {
  std::string origin = origin_of(url);
  if (const std::size_t port = origin.rfind(':'); port > origin.find("//")) origin.resize(port);
  return origin.ends_with(".blob.core.windows.net");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> text_pairs(const nlohmann::json& answer, const char* name) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto found = answer.find(name);
  if (found == answer.end() || !found->is_object()) return pairs;
  for (const auto& [key, value] : found->items()) {
    if (value.is_string()) pairs.emplace_back(key, value.get<std::string>());
  }
  return pairs;
}

bool is_header(std::string_view name, std::string_view lower) noexcept {
  return std::equal(name.begin(), name.end(), lower.begin(), lower.end(),
                    [](char left, char right) { return (left >= 'A' && left <= 'Z' ? left - 'A' + 'a' : left) == right; });
}

HttpRequest put_to_store(std::string signed_url, std::vector<std::pair<std::string, std::string>> headers) {
  constexpr std::string_view blob_type = "x-ms-blob-type";
  const bool given =
      std::any_of(headers.begin(), headers.end(), [&](const auto& header) { return is_header(header.first, blob_type); });
  if (!given && is_azure(signed_url)) headers.emplace_back(blob_type, "BlockBlob");
  return {.method = "PUT", .url = std::move(signed_url), .headers = std::move(headers)};
}

}  // namespace braintrust::pipeline
