// Spans by hand: a block is a step, steps nest, and what is known later is logged later.

#include <braintrust/braintrust.h>

#include <iostream>
#include <string>
#include <vector>

#include "support/offline.h"

using braintrust::SpanType;

std::vector<std::string> find_passages(const std::string& question) {
  // A child of the span that is current on this thread, whoever started that.
  auto span = braintrust::start_span("find_passages", {.type = SpanType::tool, .input = question});
  std::vector<std::string> passages = {"Spans nest.", "Fields merge."};
  span.log({.output = passages});
  return passages;
}

std::string choose(const std::vector<std::string>& passages) {
  // Deep below, without a span at hand: the current one.
  braintrust::current_span().log({.metadata = {{"passages", passages.size()}}});
  return passages.front();
}

int main() {
  examples::Offline offline;
  auto logger = braintrust::init_logger({.project = "My Project (C++)"});
  const std::string question = "What do spans do?";

  std::string answered;
  {
    // [manual spans]
    auto span = logger.start_span("answer", {.type = SpanType::task, .input = question});
    const auto passages = find_passages(question);  // its span is a child of this one
    const std::string answer = choose(passages);
    span.log({.output = answer, .scores = {{"short", answer.size() < 80}}});
    span.log({.metadata = {{"source", "manual"}}});  // logged twice: merged
    // ends here, with its scope
    // [manual spans end]
    answered = span.id();
    std::cout << answer << '\n';
  }

  // [feedback]
  // A user's judgement, later: by the row's id.
  logger.log_feedback({.id = answered, .scores = {{"helpful", 1}}, .comment = "Just what I asked."});
  // [feedback end]
}
