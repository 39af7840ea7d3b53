// What goes wrong is on the span, and goes on as it would without tracing: exceptions pass, and nothing of the library throws.

#include <braintrust/braintrust.h>

#include <iostream>
#include <stdexcept>
#include <string>

#include "support/offline.h"

// [errors]
std::string charge(const std::string& card) {
  auto span = braintrust::start_span("charge", {.input = {{"card", card}}});
  // `run` records an exception with its type and message, and rethrows it.
  return span.run([&]() -> std::string {
    if (card.empty()) throw std::invalid_argument("no card");
    return "paid";
  });
}

bool refund(int order) {
  TRACED(order);
  // An error that is no exception.
  braintrust::current_span().log({.error = "order " + std::to_string(order) + " is too old"});
  return false;
}
// [errors end]

// [diagnostics]
// Trouble of the library's own (no key, a refused score, dropped rows) is told here; by default, on stderr.
void tell(braintrust::Severity, const braintrust::Error& error) {
  std::cout << "tracing: " << to_string(error.code) << ": " << error.message << '\n';
}
// [diagnostics end]

int main() {
  examples::Offline offline;
  braintrust::set_diagnostics_handler(tell);
  auto logger = braintrust::init_logger({.project = "My Project (C++)"});

  auto span = logger.start_span("checkout");
  try {
    charge("");
  } catch (const std::invalid_argument& error) {
    std::cout << "refused: " << error.what() << '\n';
  }
  if (!refund(17)) std::cout << "no refund\n";
  span.log({.scores = {{"satisfied", 1.5}}});  // not in [0, 1]: refused, told, and the rest is kept
}
