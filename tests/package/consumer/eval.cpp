// A program of evals.
#include <braintrust/eval/main.h>
#include <braintrust/eval/scorers.h>

BRAINTRUST_EVAL("Say Hi Bot") {
  return braintrust::EvalOptions<>{.data = {{.input = "Foo", .expected = "Hi Foo"}, {.input = "Bar", .expected = "Hi Bar"}},
                                   .task = [](const nlohmann::json& input) { return "Hi " + input.get<std::string>(); },
                                   .scores = {braintrust::scorers::exact_match},
                                   .no_send_logs = true};
}

BRAINTRUST_EVAL_MAIN
