#include <braintrust/eval/scorers.h>

#include <optional>
#include <string>

#include "eval/json_schema.h"
#include "eval/json_values.h"

namespace braintrust::scorers {

using nlohmann::json;

namespace {

bool fits(const json& output, const json& schema) {
  if (!output.is_string()) return eval::fits_schema(output, schema);
  const std::optional<json> value = eval::parsed(output.get_ref<const std::string&>());
  return value && eval::fits_schema(*value, schema);
}

bool is_container(const json& output) {
  return output.is_string() ? eval::holds_container(output.get_ref<const std::string&>()) : output.is_structured();
}

}  // namespace

Score ValidJson::operator()(const json& output) const {
  if (schema.is_null()) return {.name = std::string(name), .score = is_container(output) ? 1.0 : 0.0};
  return {.name = std::string(name), .score = fits(output, schema) ? 1.0 : 0.0, .metadata = {{"schema", schema}}};
}

}  // namespace braintrust::scorers
