// What takes seconds, under LD_PRELOAD.

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auto/provider.h"
#include "auto/traced_run.h"

namespace braintrust::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PreloadedSlow, ABackendThatHangsDelaysTheEndByABoundedTime) {
  const Provider provider;
  ScriptedServer backend;
  for (const char* const path : {"/api/apikey/login", "/version", "/api/project/register", "/logs3"}) {
    backend.on(path, {{.deed = Deed::hang}});
  }
  TracedRun run(provider.url());
  const auto begin = std::chrono::steady_clock::now();
  const std::string output = run.run({BRAINTRUST_CURL_PROGRAM, "plain", provider.url()},
                                     {std::string("LD_PRELOAD=") + BRAINTRUST_AUTO_LIBRARY,
                                      "BRAINTRUST_APP_URL=" + backend.url(), "BRAINTRUST_API_URL=" + backend.url()});
  const auto taken = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(output, HasSubstr("you said plain"));
  EXPECT_THAT(output, Not(HasSubstr("braintrust")));
  // A logger gives up after five seconds; that it waited shows that the program was traced.
  EXPECT_GT(taken, std::chrono::seconds(2));
  EXPECT_LT(taken, std::chrono::seconds(12));
}

}  // namespace
}  // namespace braintrust::test
