// `braintrust-local run --auto`: one command shows what model calls any program makes.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auto/provider.h"
#include "local/program.h"
#include "local/temporary_folder.h"

namespace braintrust::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class RunAuto : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string(BRAINTRUST_AUTO_LIBRARY).empty()) GTEST_SKIP() << "a sanitizer cannot be preloaded";
  }
  std::string run(std::vector<std::string> options, const std::vector<std::string>& program) {
    std::vector<std::string> words = {BRAINTRUST_LOCAL_PROGRAM, "run", "--db", folder / "a.db"};
    words.insert(words.end(), options.begin(), options.end());
    words.emplace_back("--");
    words.insert(words.end(), program.begin(), program.end());
    Program running(words, {"BRAINTRUST_AUTO_ENDPOINTS=vllm=" + provider.url()});
    std::string output = running.rest();
    code = running.wait();
    return output;
  }

  const TemporaryFolder folder;
  Provider provider;
  int code = -1;
};

TEST_F(RunAuto, ShowsTheModelCallsOfAnUnmodifiedProgram) {
  const std::string output = run({"--auto"}, {BRAINTRUST_CURL_PROGRAM, "three_in_a_multi", provider.url()});
  EXPECT_EQ(code, 0);
  for (const char* const text : {"Chat Completion", "llm", "5 tok", "m1", "you said m2", "you said m3"}) {
    EXPECT_THAT(output, HasSubstr(text));
  }
}

TEST_F(RunAuto, WithoutItShowsNothingOfThem) {
  const std::string output = run({}, {BRAINTRUST_CURL_PROGRAM, "plain", provider.url()});
  EXPECT_EQ(code, 0);
  EXPECT_THAT(output, HasSubstr("Nothing was logged"));
}

TEST_F(RunAuto, SaysSoWhenThereWasNoModelCall) {
  EXPECT_THAT(run({"--auto"}, {"true"}), HasSubstr("No model call was seen"));
  EXPECT_EQ(code, 0);
}

TEST_F(RunAuto, ReachesThroughShellsToTheProgramsTheyStart) {
  const std::string program = std::string(BRAINTRUST_CURL_PROGRAM) + " plain " + provider.url();
  EXPECT_THAT(run({"--auto"}, {"sh", "-c", "true; " + program + "; true"}), HasSubstr("you said plain"));
}

TEST_F(RunAuto, FollowingPrintsALineForEachSpanWhenItEnds) {
  // The program goes on for long: the line must come before its end.
  Program running({BRAINTRUST_LOCAL_PROGRAM, "run", "--auto", "--follow", "--db", folder / "a.db", "--", "sh", "-c",
                   std::string(BRAINTRUST_CURL_PROGRAM) + " plain " + provider.url() + "; echo waiting; exec sleep 600"},
                  {"BRAINTRUST_AUTO_ENDPOINTS=vllm=" + provider.url()});
  std::string line;
  while ((line = running.line()).find("Chat Completion") == std::string::npos && !line.empty()) {
  }
  EXPECT_THAT(line, ContainsRegex("^[0-9:]+  Chat Completion  llm  .*5 tok  .*you said plain"));
  running.signal(SIGTERM);
  EXPECT_THAT(running.rest(), HasSubstr("trace "));
  EXPECT_EQ(running.wait(), 128 + SIGTERM);
}

TEST_F(RunAuto, FollowingAFailedCallShowsItsError) {
  EXPECT_THAT(run({"--auto", "--follow"}, {BRAINTRUST_CURL_PROGRAM, "refused", provider.url()}),
              ContainsRegex("Chat Completion  llm  .* HTTP 429 .*slow down"));
}

}  // namespace
}  // namespace braintrust::test
