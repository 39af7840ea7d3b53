// Likely mistakes in an eval, each with the words that say what to do. One case at a time, by CASE; case 0 is right.

#include <string>
#include <vector>

#include <braintrust/eval/eval.h>
#include <braintrust/eval/scorers.h>

using namespace braintrust;
using nlohmann::json;

struct NoJson {};

#if CASE == 0
double half(const ScorerArgs&) { return 0.5; }
const std::vector<Scorer> list = {scorers::levenshtein, {"named", half}};
const Scorer array[] = {scorers::levenshtein};
const EvalOptions<> copied{.scores = {list}};
const EvalOptions<> some{.scores = {list.begin(), list.end()}};
const EvalOptions<> pointed_at{.scores = {array, array + 1}};
enum class Label { good };
const EvalOptions<json, int> labelled{.task = [](const json&) { return Label::good; }};
const auto ran = Eval("x", {.data = {{.input = "Foo", .expected = "Hi Foo"}},
                            .task = [](const json& input) { return "Hi " + input.get<std::string>(); },
                            .scores = {scorers::levenshtein,
                                       half,
                                       {"named", half},
                                       [](const ScorerArgs& args) { return args.output; },
                                       [](const ScorerArgs&) { return std::vector<Score>(); },
                                       [](const ScorerArgs&) -> Result<std::optional<bool>> { return std::optional<bool>(); }},
                            .classifiers = {[](const ScorerArgs&) { return std::optional<Classification>(); }}});
#elif CASE == 1
const auto ran =
    Eval("x", {.data = {{.input = 1}}, .task = [](int a, int b) { return a + b; }, .scores = {scorers::levenshtein}});
#elif CASE == 2
const auto ran =
    Eval("x", {.data = {{.input = 1}}, .task = [](const json&) { return NoJson(); }, .scores = {scorers::levenshtein}});
#elif CASE == 3
const auto ran = Eval("x", {.data = {{.input = 1}},
                            .task = [](const json& input) { return input; },
                            .scores = {[](const json& output, const json& expected) { return output == expected; }}});
#elif CASE == 4
const auto ran = Eval("x", {.data = {{.input = 1}},
                            .task = [](const json& input) { return input; },
                            .scores = {{"text", [](const ScorerArgs&) { return std::string("good"); }}}});
#elif CASE == 5
const auto ran = Eval("x", {.data = {{.input = 1}},
                            .task = [](const json& input) { return input; },
                            .classifiers = {[](const ScorerArgs&) { return 0.5; }}});
#elif CASE == 6
const auto ran = Eval("x", {.data = std::vector<std::string>{"Foo"},
                            .task = [](const json& input) { return input; },
                            .scores = {scorers::levenshtein}});
#elif CASE == 7
const auto ran = Eval<NoJson, json>("x", {.task = [](const NoJson&) { return 1; }, .scores = {scorers::levenshtein}});
#endif
