// The same headers in a second file: what is defined twice does not link.
#include <all_headers.h>

int other_file() {
  braintrust::Result<int> result = 42;
  return result && *result == 42 ? 0 : 1;
}
