// A program as a user would begin it. Without an API key it must run, and end, all the same.
#include <all_headers.h>
#include <braintrust/braintrust.h>
#include <cstdio>

int other_file(int count);

int main() {
  std::printf("braintrust %s\n", BRAINTRUST_VERSION);
  auto logger = braintrust::init_logger({.project = "x"});
  auto span = braintrust::start_span("work");
  span.log({.input = {{"question", "does it link?"}}});
  int count = other_file(41);
  span.log({.output = count});
  return count == 42 ? 0 : 1;
}
