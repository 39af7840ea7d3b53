#include <all_headers.h>
#include <cstdio>

int other_file();

int main() {
  std::printf("braintrust %s\n", BRAINTRUST_VERSION);
  return other_file();
}
