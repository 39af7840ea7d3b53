// The smallest eval: a task, cases, and a scorer.

#include <braintrust/eval/eval.h>
#include <braintrust/eval/scorers.h>

#include <string>

#include "support/offline.h"

int main() {
  examples::Offline offline;
  // [eval hello]
  const auto result = braintrust::Eval(
      "Say Hi Bot", {.data = {{.input = "Foo", .expected = "Hi Foo"}, {.input = "Bar", .expected = "Hello Bar"}},
                     .task = [](const nlohmann::json& name) { return "Hi " + name.get<std::string>(); },
                     .scores = {braintrust::scorers::levenshtein}});
  // [eval hello end]
  return result.ok() ? 0 : 1;
}
