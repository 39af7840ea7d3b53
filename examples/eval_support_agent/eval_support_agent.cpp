// A release check of the support agent: each case is a ticket, the task is the agent itself, and three scorers grade what it
// answers: one that computes, one of our own, and a judge that asks a model. Everything that the agent does is in the trace.
//
// The cases are those that `promote_failures` made, where there are any; else those of cases.jsonl. SUPPORT_AGENT_MODEL names
// the scripted model that answers: scripted-2, or scripted-1, which has its weaknesses.

#include <braintrust/api/dataset.h>
#include <braintrust/braintrust.h>
#include <braintrust/eval/judges.h>
#include <braintrust/eval/main.h>
#include <braintrust/eval/scorers.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "../support/offline.h"
#include "../support_agent/agent.h"
#include "../support_agent/chosen_model.h"

using braintrust::EvalOptions;
using braintrust::Score;
using braintrust::ScorerArgs;
using nlohmann::json;
namespace scorers = braintrust::scorers;

namespace {

constexpr const char* project = "Support Agent (C++)";

// [cases]
braintrust::EvalData cases() {
  const auto promoted = braintrust::init_dataset({.project = project, .name = "Failed tickets"});
  const auto summary = promoted.summarize();  // waits
  if (summary && summary->total_records > 0) return promoted;
  return braintrust::jsonl_file(SUPPORT_AGENT_SOURCE "/examples/eval_support_agent/cases.jsonl");
}
// [cases end]

// [own scorer]
// Whether the answer names the document it comes from, or says that there is none.
Score honest(const ScorerArgs& args) {
  const auto answer = args.output.get<std::string>();
  const bool source = answer.find(".md") != answer.npos, none = answer.find("does not say") != answer.npos;
  return {.score = source || none ? 1 : 0, .metadata = {{"names_source", source}}};
}
// [own scorer end]

// [no grade]
// Cases that nobody has reviewed yet expect nothing: a scorer that compares has no grade for them.
template <class Scorer>
auto where_expected(Scorer scorer) {
  return [scorer](const ScorerArgs& args) -> std::optional<Score> {
    if (args.expected.is_null()) return std::nullopt;
    return scorer(args);
  };
}
// [no grade end]

struct Agent {
  Documents documents = {};
  ChosenModel chosen = {};
};

std::shared_ptr<Agent> make_agent() {
  const char* const name = std::getenv("SUPPORT_AGENT_MODEL");
  auto agent = std::make_shared<Agent>();
  agent->documents.add(SUPPORT_AGENT_SOURCE "/README.md");
  agent->chosen = choose_model(name != nullptr && *name != '\0' ? name : "scripted-2");
  return agent;
}

}  // namespace

// [eval]
BRAINTRUST_EVAL("Support agent") {
  const auto agent = make_agent();
  const Model& model = agent->chosen.model;
  braintrust::auto_instrument({.endpoints = "openai=" + model.url});
  const scorers::Factuality judge{.model = model.name,
                                  .client = scorers::ModelClient{.base_url = model.url, .api_key = model.key}};
  return EvalOptions<>{
      .data = cases(),
      .task = [agent](const json& ticket) { return answer_question(ticket, agent->documents, agent->chosen.model); },
      .scores = {{"Levenshtein", where_expected(scorers::levenshtein)},
                 {"Honest", honest},
                 {"Factuality", where_expected(judge)}},
      .max_concurrency = 4,
      .task_timeout = std::chrono::seconds(60),
      .metadata = {{"model", model.name}},
      .project = project};
}
// [eval end]

// Offline: without an account, what is logged stays on this machine. Else BRAINTRUST_EVAL_MAIN does.
int main(int argc, char** argv) {
  examples::Offline offline;
  return braintrust::eval_main(argc, argv);
}
