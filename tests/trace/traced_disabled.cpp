#define BRAINTRUST_DISABLE

#include "trace/traced_elsewhere.h"

#include <braintrust/trace/traced.h>

namespace braintrust::test {

int disabled_function(int& evaluated) {
  const auto count = [&](int value) {
    ++evaluated;
    return value;
  };
  TRACED();
  TRACED(evaluated, count(1));
  return TRACED_OUTPUT(count(8));
}

}  // namespace braintrust::test
