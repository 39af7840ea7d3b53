#include <braintrust/instrument/prices.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "instrument/cost.h"
#include "llm/json_view.h"

namespace braintrust {
namespace {

using llm::JsonView;

// Dollars per million tokens.
struct Price {
  std::string provider;  // blank: any
  std::string model;
  bool prefix = false;  // of the model's name
  double input = 0, output = 0, cached_input = 0, cache_write = 0, cache_write_5m = 0, cache_write_1h = 0;

  bool fits(std::string_view of_provider, std::string_view of_model) const {
    return (provider.empty() || provider == of_provider) && (prefix ? of_model.starts_with(model) : of_model == model);
  }
  // More is nearer.
  auto nearness() const { return std::pair(!provider.empty(), model.size() + (prefix ? 0 : 1)); }
};
using Prices = std::vector<Price>;

std::mutex mutex;
std::shared_ptr<const Prices>& current() {
  static auto* const prices = new std::shared_ptr<const Prices>;  // leaked: background threads outlive static destruction
  return *prices;
}
std::atomic<bool> any = false;

Error refused(std::size_t entry, const std::string& why) {
  return {ErrorCode::invalid_argument, "model prices: entry " + std::to_string(entry + 1) + " " + why};
}

Result<Price> read_price(const nlohmann::json& entry, std::size_t number) {
  if (!entry.is_object()) return refused(number, "is no object");
  Price price;
  const auto read = [&](const char* key, double fallback, double& to) {
    to = fallback;
    const auto found = entry.find(key);
    if (found == entry.end()) return true;
    if (!found->is_number() || *found < 0) return false;
    to = found->get<double>();
    return true;
  };
  for (const auto& [key, value] : entry.items()) {
    static constexpr std::string_view keys[] = {"provider",     "model",       "input",          "output",
                                                "cached_input", "cache_write", "cache_write_5m", "cache_write_1h"};
    if (std::find(std::begin(keys), std::end(keys), key) == std::end(keys))
      return refused(number, "has an unknown key, " + key);
  }
  if (const auto model = entry.find("model"); model != entry.end() && model->is_string()) price.model = *model;
  if (price.model.empty()) return refused(number, "names no model");
  if (const auto provider = entry.find("provider"); provider != entry.end()) {
    if (!provider->is_string()) return refused(number, "has a provider that is no text");
    price.provider = *provider;
  }
  if (price.model.ends_with('*')) {
    price.prefix = true;
    price.model.pop_back();
  }
  if (!entry.contains("input") || !entry.contains("output")) return refused(number, "needs both input and output");
  if (!read("input", 0, price.input) || !read("output", 0, price.output) ||
      !read("cached_input", price.input, price.cached_input) || !read("cache_write", price.input, price.cache_write) ||
      !read("cache_write_5m", price.cache_write, price.cache_write_5m) ||
      !read("cache_write_1h", price.cache_write, price.cache_write_1h)) {
    return refused(number, "has a price that is no number from 0 on");
  }
  return price;
}

}  // namespace

Result<void> set_model_prices(std::string_view json) {
  const auto list = nlohmann::json::parse(json, nullptr, false);
  if (!list.is_array()) return Error{ErrorCode::invalid_argument, "model prices: not a JSON list of {\"model\": …} objects"};
  auto prices = std::make_shared<Prices>();
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto price = read_price(list[i], i);
    if (!price) return price.error();
    prices->push_back(std::move(*price));
  }
  const std::lock_guard lock(mutex);
  any.store(!prices->empty(), std::memory_order_relaxed);
  current() = std::move(prices);
  return {};
}

Result<void> load_model_prices(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file && text.empty()) return Error{ErrorCode::io, "model prices: cannot read " + path};
  return set_model_prices(text);
}

std::optional<double> instrument::estimated_cost(std::string_view provider, std::string_view model, std::string_view metrics) {
  if (!any.load(std::memory_order_relaxed)) return std::nullopt;
  const std::shared_ptr<const Prices> prices = [] {
    const std::lock_guard lock(mutex);
    return current();
  }();
  const Price* nearest = nullptr;
  for (const Price& price : *prices) {
    if (price.fits(provider, model) && (nearest == nullptr || price.nearness() > nearest->nearness())) nearest = &price;
  }
  const JsonView counts = JsonView::parse(metrics);
  const auto prompt = counts["prompt_tokens"].count(), completion = counts["completion_tokens"].count();
  if (nearest == nullptr || (!prompt && !completion)) return std::nullopt;

  const auto tokens = [&](std::string_view key) { return static_cast<double>(counts[key].count().value_or(0)); };
  const double cached = tokens("prompt_cached_tokens");
  const double for_5m = tokens("prompt_cache_creation_5m_tokens"), for_1h = tokens("prompt_cache_creation_1h_tokens");
  const double aggregate = tokens("prompt_cache_creation_tokens");
  const double written = std::max(aggregate, for_5m + for_1h);
  const double write_cost = for_5m + for_1h >= aggregate ? for_5m * nearest->cache_write_5m + for_1h * nearest->cache_write_1h
                                                         : written * nearest->cache_write;
  const double uncached = std::max(static_cast<double>(prompt.value_or(0)) - cached - written, 0.0);
  return (uncached * nearest->input + cached * nearest->cached_input + write_cost +
          static_cast<double>(completion.value_or(0)) * nearest->output) /
         1e6;
}

}  // namespace braintrust
