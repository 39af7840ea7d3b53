// A program of evals.

// [eval program]
#include <braintrust/eval/main.h>
#include <braintrust/eval/scorers.h>

#include <string>

std::string greet(const std::string& name) { return "Hi " + name; }  // what is tested

BRAINTRUST_EVAL("Say Hi Bot") {
  return braintrust::EvalOptions<>{.data = {{.input = "Foo", .expected = "Hi Foo"}, {.input = "Bar", .expected = "Hi Bar"}},
                                   .task = [](const nlohmann::json& name) { return greet(name.get<std::string>()); },
                                   .scores = {braintrust::scorers::levenshtein}};
}

BRAINTRUST_EVAL_MAIN
// [eval program end]
