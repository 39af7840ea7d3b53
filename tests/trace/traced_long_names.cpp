#define BRAINTRUST_NO_SHORT_MACROS
#define TRACED(value) static_assert(true)  // somebody else's

#include "trace/traced_elsewhere.h"

#include <braintrust/trace/traced.h>

#if defined(TRACED_OUTPUT)
#error "a short macro is defined"
#endif

namespace braintrust::test {

int long_names(int value) {
  TRACED(value);
  BRAINTRUST_TRACED(value);
  return BRAINTRUST_TRACED_OUTPUT(value * 2);
}

}  // namespace braintrust::test
