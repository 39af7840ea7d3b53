// Compiled once for each CASE; all but 0 must fail, with the message that CMakeLists.txt names.

#include <braintrust/trace/logger.h>
#include <braintrust/trace/traced.h>

void function(int value) {
#if CASE == 0
  TRACED(value);
#elif CASE == 1
  TRACED("a name");
#elif CASE == 2
  auto span = braintrust::start_span("span");
  auto copy = span;
#elif CASE == 3
  auto span = braintrust::start_span("span");
  TRACED(value);
  span = braintrust::current_span();
#elif CASE == 4
  braintrust::start_span("a guard that nobody keeps");
#endif
  static_cast<void>(value);
}
