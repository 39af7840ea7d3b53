// From production to a test: the support agent answers a few tickets, as it does all day; those that went wrong become cases of
// a dataset, each with a link to the trace it comes from. It may run every night: what was promoted stays as it is.

#include <braintrust/api/btql.h>
#include <braintrust/api/dataset.h>
#include <braintrust/braintrust.h>

#include <exception>
#include <iostream>
#include <set>
#include <string>

#include "support/offline.h"
#include "support_agent/agent.h"
#include "support_agent/chosen_model.h"

using braintrust::Result;
using nlohmann::json;

constexpr const char* project = "Support Agent (C++)";

constexpr const char* tickets[] = {
    "Ticket BT-7: which spans are lost when my process is killed?", "Which spans are dropped when the queue is full?",
    "How do I end a child process without losing its spans?",  // the model refuses
    "Where do I find the invoice for March?",                  // the model makes something up
};

// Tickets that have an answer, or a failure, already.
Result<std::set<std::string>> known_tickets(const std::string& project_id) {
  // [query]
  const auto found = braintrust::btql("SELECT input FROM project_logs({}) WHERE span_attributes.name = {} LIMIT 1000",
                                      project_id, "answer_question");  // waits
  if (!found) return found.error();
  std::set<std::string> known;
  for (const auto& row : found->rows) known.insert(row["input"].get<std::string>());
  // [query end]
  return known;
}

void answer(const std::set<std::string>& known) {
  Documents documents;
  documents.add(SUPPORT_AGENT_SOURCE "/README.md");
  const ChosenModel chosen = choose_model("scripted-1");
  braintrust::auto_instrument({.endpoints = "openai=" + chosen.model.url});
  for (const std::string ticket : tickets) {
    if (known.contains(ticket)) continue;
    std::cout << "Q  " << ticket << '\n';
    try {
      const std::string answer = answer_question(ticket, documents, chosen.model);
      std::cout << "A  " << answer << "\n\n";
    } catch (const std::exception& error) {
      std::cout << "✗  " << error.what() << "\n\n";  // the span has it, too
    }
  }
}

// [map]
// What was asked. What came is no answer to be expected; whoever reviews the case writes that.
braintrust::DatasetRecord as_case(const json& span) {
  return {.input = span["input"],
          .metadata = {{"answered", span.value("output", json())}, {"error", span.value("error", json())}},
          .tags = {"to-review"}};
}
// [map end]

Result<braintrust::Promoted> promote_failures(const braintrust::Dataset& dataset) {
  // [promote]
  const auto failed = braintrust::btql_text("span_attributes.name = {} AND (error IS NOT NULL OR scores.grounded < {})",
                                            "answer_question", 0.5);
  if (!failed) return failed.error();
  return dataset.promote({.where = *failed, .map = as_case});  // waits
  // [promote end]
}

Result<void> run() {
  const auto dataset = braintrust::init_dataset({.project = project, .name = "Failed tickets"});
  const auto project_id = dataset.project_id();
  if (!project_id) return project_id.error();
  const auto known = known_tickets(*project_id);
  if (!known) return known.error();
  answer(*known);

  const auto promoted = promote_failures(dataset);
  if (!promoted) return promoted.error();
  std::cout << promoted->ids.size() << " promoted, " << promoted->unchanged.size() << " were there\n";
  for (const auto& row : dataset) {
    if (!row) return row.error();
    std::cout << "  " << row->input.get<std::string>() << "\n    from " << row->origin["object_type"].get<std::string>() << ' '
              << row->origin["object_id"].get<std::string>() << ", row " << row->origin["id"].get<std::string>() << '\n';
  }

  const auto again = promote_failures(dataset);
  if (!again) return again.error();
  std::cout << "again: " << again->ids.size() << " promoted, " << again->unchanged.size() << " were there\n";
  return {};
}

int main() {
  examples::Offline offline;
  auto logger = braintrust::init_logger({.project = project});
  try {
    const auto done = run();
    if (!done) std::cerr << done.error().message << '\n';
    return done ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
