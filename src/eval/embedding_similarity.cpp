#include <braintrust/eval/judges.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <tuple>

#include <fmt/format.h>

#include "core/environment.h"
#include "core/json_member.h"
#include "eval/json_values.h"
#include "eval/model_client.h"

namespace braintrust::scorers {

using nlohmann::json;

namespace {

using Embedding = std::vector<float>;
using EmbeddingPtr = std::shared_ptr<const Embedding>;
using Key = std::tuple<std::string, std::string, std::string>;  // server, model, text

// The embeddings that came last. Whoever asks for one that is on its way asks once more: that does no harm.
class Cache {
 public:
  EmbeddingPtr find(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = embeddings_.find(key);
    return found != embeddings_.end() ? found->second : nullptr;
  }

  void put(const Key& key, EmbeddingPtr embedding) {
    const std::lock_guard lock(mutex_);
    const std::size_t bytes = size_of(key, *embedding);
    const auto [place, is_new] = embeddings_.emplace(key, std::move(embedding));
    if (!is_new) return;
    order_.push_back(place);
    bytes_ += bytes;
    while (bytes_ > most_bytes) {
      bytes_ -= size_of(order_.front()->first, *order_.front()->second);
      embeddings_.erase(order_.front());
      order_.pop_front();
    }
  }

 private:
  static constexpr std::size_t most_bytes = std::size_t{32} << 20;
  using Embeddings = std::map<Key, EmbeddingPtr>;

  static std::size_t size_of(const Key& key, const Embedding& embedding) {
    constexpr std::size_t overhead = 256;
    return overhead + std::get<0>(key).size() + std::get<1>(key).size() + std::get<2>(key).size() +
           embedding.size() * sizeof(float);
  }

  std::mutex mutex_;
  Embeddings embeddings_;
  std::deque<Embeddings::iterator> order_;
  std::size_t bytes_ = 0;
};

Cache& cache() {
  static Cache* const instance = new Cache;
  return *instance;
}

EmbeddingPtr embedding_in(const json& list) {
  if (!list.is_array() || list.empty()) return nullptr;
  auto embedding = std::make_shared<Embedding>();
  for (const json& number : list) {
    if (!number.is_number()) return nullptr;
    embedding->push_back(number.get<float>());
  }
  return embedding;
}

// The embeddings of `texts`, in their order. One request for all that are not known yet.
std::vector<EmbeddingPtr> embeddings_of(const std::vector<std::string>& texts, const ModelClient& client,
                                        const std::string& model) {
  std::vector<EmbeddingPtr> embeddings;
  std::vector<std::string> unknown;
  for (const std::string& text : texts) {
    embeddings.push_back(cache().find({client.base_url, model, text}));
    if (!embeddings.back() && std::count(unknown.begin(), unknown.end(), text) == 0) unknown.push_back(text);
  }
  if (unknown.empty()) return embeddings;

  const json answer = eval::ask_model(client, "/embeddings", {{"model", model}, {"input", unknown}}, EmbeddingSimilarity::name);
  const json& data = detail::member(answer, "data");
  std::size_t place = 0;
  for (const json& one : data) {
    const json& index = detail::member(one, "index");
    const std::size_t at = index.is_number_unsigned() ? index.get<std::size_t>() : place;
    ++place;
    const EmbeddingPtr embedding = embedding_in(detail::member(one, "embedding"));
    if (!embedding || at >= unknown.size()) continue;
    cache().put({client.base_url, model, unknown[at]}, embedding);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (texts[i] == unknown[at]) embeddings[i] = embedding;
    }
  }
  if (std::count(embeddings.begin(), embeddings.end(), nullptr) != 0) {
    throw std::runtime_error(fmt::format("{} got no embedding for each text: {}", EmbeddingSimilarity::name,
                                         eval::excerpt(detail::to_text(answer))));
  }
  return embeddings;
}

double cosine(const Embedding& left, const Embedding& right) {
  double product = 0;
  double left_square = 0;
  double right_square = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const double l = left[i];
    const double r = right[i];
    product += l * r;
    left_square += l * l;
    right_square += r * r;
  }
  const double lengths = std::sqrt(left_square) * std::sqrt(right_square);
  return lengths > 0 ? product / lengths : 0;
}

}  // namespace

Score EmbeddingSimilarity::operator()(const json& output, const json& expected) const {
  eval::require_expected(expected, name);
  eval::require(expected_min < 1, name, "needs an expected_min of less than 1");
  std::string output_text;
  std::string expected_text;
  const auto embeddings =
      embeddings_of({std::string(prefix).append(eval::text_of(output, output_text)),
                     std::string(prefix).append(eval::text_of(expected, expected_text))},
                    eval::resolved(client, name), detail::is_blank(model) ? "text-embedding-ada-002" : model);
  if (embeddings[0]->size() != embeddings[1]->size()) {
    throw std::runtime_error(
        fmt::format("{} cannot compare embeddings of {} and {} numbers", name, embeddings[0]->size(), embeddings[1]->size()));
  }
  const double share = (cosine(*embeddings[0], *embeddings[1]) - expected_min) / (1 - expected_min);
  return {.name = std::string(name), .score = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0.0};
}

}  // namespace braintrust::scorers
