#include <stdexcept>

#include <braintrust/eval/score.h>
#include <braintrust/eval/scorer.h>

#include "core/json_member.h"

namespace braintrust::detail {

using nlohmann::json;

const json& absent() noexcept {
  static const json* const null = new json;
  return *null;
}

namespace {

std::optional<double> grade_of(const json& value) {
  if (value.is_null()) return std::nullopt;
  if (value.is_number()) return value.get<double>();
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  throw std::invalid_argument(
      "a scorer returned JSON that is no score: give a number, true, false, null, {\"score\", \"name\", \"metadata\"}, or a "
      "list of these");
}

void append_one(std::vector<Score>& out, const json& result) {
  if (result.is_null()) return;
  const bool named = result.is_object() && result.contains("score");
  out.push_back(
      named ? Score{.name = text_at(result, "name"), .score = grade_of(result["score"]), .metadata = member(result, "metadata")}
            : Score{.score = grade_of(result)});
}

}  // namespace

void append_json(std::vector<Score>& out, const json& result) {
  if (!result.is_array()) return append_one(out, result);
  for (const json& one : result) append_one(out, one);
}

}  // namespace braintrust::detail
