// The smallest traced program: a logger, a span, and what went in and came out.

#include <braintrust/braintrust.h>

#include <iostream>
#include <string>

#include "support/offline.h"

std::string say_hi(const std::string& name) { return "Hi " + name; }

int main() {
  examples::Offline offline;  // no key set: the trace stays on this machine and is printed at the end

  // [quickstart]
  auto logger = braintrust::init_logger({.project = "My Project (C++)"});

  auto span = logger.start_span("say_hi");
  span.log({.input = "Ada"});
  const std::string greeting = say_hi("Ada");
  span.log({.output = greeting, .metadata = {{"language", "en"}}});
  // [quickstart end]

  std::cout << greeting << '\n';
}
