// A dataset: cases that are kept at Braintrust. Written like spans, in the background; read page by page, at one version.

#include <braintrust/api/dataset.h>
#include <braintrust/braintrust.h>

#include <iostream>
#include <string>

#include "support/offline.h"

using braintrust::Result;

// [read dataset]
Result<int> print(const braintrust::Dataset& dataset) {
  int rows = 0;
  for (const auto& row : dataset) {
    if (!row) return row.error();  // a page could not be had; nothing follows
    std::cout << "  " << row->input["question"].get<std::string>() << " -> " << row->expected.dump() << '\n';
    ++rows;
  }
  return rows;
}
// [read dataset end]

Result<void> run() {
  // [dataset]
  auto dataset = braintrust::init_dataset({.project = "Examples (C++)", .name = "Customer Support"});  // returns at once
  dataset.insert({.input = {{"question", "How do I reset my password?"}},
                  .expected = {{"answer", "By the link on the login page."}},
                  .metadata = {{"category", "authentication"}}});
  const std::string id = dataset.insert({.input = {{"question", "Do you ship to Norway?"}}, .tags = {"unanswered"}});
  dataset.flush();  // waits until both have arrived
  // [dataset end]

  // [version]
  const auto version = dataset.version();  // waits
  if (!version) return version.error();
  // Laid over the record: its input stays.
  dataset.update(id, {.expected = {{"answer", "Yes, within a week."}}});
  dataset.flush();
  const auto before = braintrust::init_dataset({.project = "Examples (C++)", .name = "Customer Support", .version = *version});
  // [version end]

  std::cout << "now\n";
  if (const auto rows = print(dataset); !rows) return rows.error();
  std::cout << "as it was\n";
  if (const auto rows = print(before); !rows) return rows.error();

  // [restore]
  if (const auto named = dataset.create_snapshot("before the review", *version); !named) return named.error();  // waits
  const auto restored = dataset.restore(*version);                                                              // waits
  if (!restored) return restored.error();
  std::cout << restored->restored << " restored, " << restored->removed << " removed\n";
  // [restore end]
  if (const auto rows = print(dataset); !rows) return rows.error();

  // [summary]
  const auto summary = dataset.summarize();  // flushes, and waits
  if (!summary) return summary.error();
  std::cout << summary->dataset_name << ": " << summary->total_records << " records, " << summary->url << '\n';
  // [summary end]
  return {};
}

int main() {
  examples::Offline offline;
  const auto done = run();
  if (!done) std::cerr << done.error().message << '\n';
  return done ? 0 : 1;
}
