// The same program, which traces itself: curl_traced_program CASE PROVIDER
#include <chrono>
#include <cstdio>

#include <braintrust/instrument/auto.h>
#include <braintrust/trace/logger.h>

#include "auto/curl_cases.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const braintrust::AutoResult hooked = braintrust::auto_instrument();
  if (!hooked.problem.empty()) std::printf("%s\n", hooked.problem.c_str());
  const auto logger = braintrust::init_logger();
  const int code = run_curl_case(argv[1], argv[2]);
  logger.shutdown(std::chrono::seconds(30));
  return code;
}
