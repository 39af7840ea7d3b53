// An eval as a release gate: a CTest test that fails when a score is too low or a case got worse. What is tested has types of
// its own. With CI_GATE_WORSE set, it is broken on purpose: ci_gate.sh shows how the case is found.

#include <braintrust/eval/main.h>
#include <braintrust/eval/scorers.h>
#include <braintrust/trace/traced.h>

#include <cstdlib>
#include <string>

using braintrust::Classification;
using braintrust::EvalOptions;
using braintrust::ScorerArgsOf;

// [own types]
struct Ticket {
  std::string subject = {};
  std::string text = {};
};
struct Route {
  std::string team = {};
  bool urgent = false;
};
// To JSON and back, by nlohmann/json.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Ticket, subject, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Route, team, urgent)
// [own types end]

namespace {

bool has(const std::string& text, const char* word) { return text.find(word) != std::string::npos; }

// What is released: where a ticket goes.
Route route(const Ticket& ticket) {
  const bool worse = std::getenv("CI_GATE_WORSE") != nullptr;  // somebody thought that the subject says enough
  const std::string text = worse ? ticket.subject : ticket.subject + ' ' + ticket.text;
  const bool money = has(text, "invoice") || has(text, "charged");
  const bool login = has(text, "password") || has(text, "log in");
  return {.team = money ? "billing" : login ? "accounts" : "support", .urgent = has(text, "twice") || has(text, "down")};
}

// [typed scorer]
bool right_team(const ScorerArgsOf<Ticket, Route>& args) { return args.output.team == args.expected->team; }

Classification urgency(const ScorerArgsOf<Ticket, Route>& args) {
  return {.id = args.output.urgent ? "urgent" : "can-wait", .label = args.output.urgent ? "Urgent" : "Can wait"};
}
// [typed scorer end]

}  // namespace

// [typed eval]
BRAINTRUST_EVAL("Route tickets") {
  return EvalOptions<Ticket, Route>{
      .data = {{.input = {"Invoice", "I lost the invoice for March."}, .expected = Route{"billing"}},
               {.input = {"Help", "I was charged twice!"}, .expected = Route{"billing", true}},
               {.input = {"I cannot log in", "It says that my password is wrong."}, .expected = Route{"accounts"}},
               {.input = {"The site is down", "Nothing loads."}, .expected = Route{"support", true}}},
      .task = route,
      .scores = {{"Right team", right_team}, braintrust::scorers::json_diff},
      .classifiers = {{"Urgency", urgency}}};
}

BRAINTRUST_EVAL_MAIN
// [typed eval end]
