// The same headers in a second file: what is defined twice does not link.
#include <all_headers.h>
#include <braintrust/braintrust.h>

int other_file(int count) {
  TRACED(count);
  braintrust::Result<int> result = count + 1;
  return TRACED_OUTPUT(*result);
}
