// An experiment by hand, for programs that run their cases themselves: a row for each case, then the averages.

#include <braintrust/braintrust.h>
#include <braintrust/eval/experiment.h>
#include <braintrust/eval/scorers.h>

#include <iostream>
#include <string>

#include "support/offline.h"

using braintrust::Result;
namespace scorers = braintrust::scorers;

std::string translate(const std::string& word) { return word == "Hund" ? "dog" : "car"; }

Result<void> run() {
  // [experiment]
  auto experiment = braintrust::init_experiment({.project = "Examples (C++)", .name = "by hand"});  // waits
  if (!experiment) return experiment.error();

  // A case in one row …
  const std::string dog = translate("Hund");
  experiment->log({.input = "Hund", .output = dog, .expected = "dog", .scores = {{"exact", dog == "dog"}}});

  // … or as a trace, with whatever happens below it.
  {
    auto span = experiment->start_span("Katze", {.input = "Katze"});
    const std::string cat = translate("Katze");
    span.log({.output = cat,
              .expected = "cat",
              .scores = {{"exact", cat == "cat"}, {"close", *scorers::levenshtein(cat, "cat").score}}});
  }

  const auto summary = experiment->summarize();  // flushes, and waits
  if (!summary) return summary.error();
  for (const auto& score : summary->scores) std::cout << score.name << ": " << score.score << '\n';
  // [experiment end]
  return {};
}

int main() {
  examples::Offline offline;
  const auto done = run();
  if (!done) std::cerr << done.error().message << '\n';
  return done ? 0 : 1;
}
