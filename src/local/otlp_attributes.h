#pragma once

// `OtlpAttributeReader`: the attributes of one span or event, of which each is used at most once.
//
//   if (fields.offer("model", reader["gen_ai.request.model"])) reader.take("gen_ai.request.model");
//
// What nobody takes is left in `rest`, so that nothing is lost. Of two attributes with one name the last counts.
//
// Threads: one; the attributes must stay. Errors: none; what is not there is nothing.

#include <string_view>
#include <unordered_map>
#include <vector>

#include "llm/json_view.h"
#include "local/otlp_request.h"

namespace braintrust::local {

class OtlpAttributeReader {
 public:
  explicit OtlpAttributeReader(const OtlpAttributes& attributes) : attributes_(attributes), taken_(attributes.size()) {
    for (std::size_t i = 0; i < attributes.size(); ++i) {
      const auto [known, added] = by_name_.try_emplace(attributes[i].key, i);
      if (added) continue;
      taken_[known->second] = true;
      known->second = i;
    }
  }

  llm::JsonView operator[](std::string_view name) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return {};
    return llm::JsonView::of_valid(attributes_[found->second].value);
  }
  void take(std::string_view name) {
    if (const auto found = by_name_.find(name); found != by_name_.end()) taken_[found->second] = true;
  }
  // Takes it, and it is as if it had never been there.
  void drop(std::string_view name) {
    take(name);
    by_name_.erase(name);
  }

  // Calls `visit(name, value)` for each that was not taken, in order.
  template <class Visit>
  void each_rest(Visit&& visit) const {
    for (std::size_t i = 0; i < attributes_.size(); ++i) {
      if (!taken_[i]) visit(std::string_view(attributes_[i].key), llm::JsonView::of_valid(attributes_[i].value));
    }
  }
  bool all_taken() const {
    for (const bool taken : taken_) {
      if (!taken) return false;
    }
    return true;
  }

 private:
  const OtlpAttributes& attributes_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
  std::vector<bool> taken_;
};

}  // namespace braintrust::local
