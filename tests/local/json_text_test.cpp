#include "local/json_text.h"

#include <gtest/gtest.h>

#include <string>

#include <nlohmann/json.hpp>

namespace braintrust::local {
namespace {

TEST(JsonText, ReplacesHalfSurrogatePairsAndLeavesWholeOnes) {
  const auto fixed =
      without_lone_surrogates(R"(["\ud83d","\ud83d\ude00","\ude00\ud83d x","\\ud83d","\ud83d\ud83d\ude00","\uD83D\n"])");
  EXPECT_EQ(fixed, R"(["\ufffd","\ud83d\ude00","\ufffd\ufffd x","\\ud83d","\ufffd\ud83d\ude00","\ufffd\n"])");
  EXPECT_TRUE(nlohmann::json::accept(fixed.value_or("")));
  EXPECT_FALSE(without_lone_surrogates(R"(["\ud83d\ude00","\\ud83d","\\"])"));
}

TEST(JsonText, IsWhatAStringMeansAndAnyOtherValueAsWritten) {
  EXPECT_EQ(text_of(R"("caf\u00e9\n")"), "café\n");
  EXPECT_EQ(text_of("1.50"), "1.50");
}

}  // namespace
}  // namespace braintrust::local
