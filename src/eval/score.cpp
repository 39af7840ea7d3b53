#include <braintrust/eval/score.h>

namespace braintrust::detail {

const nlohmann::json& absent() noexcept {
  static const nlohmann::json* const null = new nlohmann::json;
  return *null;
}

}  // namespace braintrust::detail
