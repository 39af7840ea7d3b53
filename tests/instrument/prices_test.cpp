// What calls cost by declared prices.

#include <braintrust/instrument/prices.h>

#include <cstdio>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <braintrust/tracing.h>

#include "trace/backend.h"

namespace braintrust {
namespace {

using test::Backend;
using test::Row;
using testing::HasSubstr;

class Prices : public testing::Test {
 protected:
  ~Prices() override { EXPECT_TRUE(set_model_prices("[]")); }

  // The metrics of a call that this response answers.
  static Row metrics(const std::string& provider, const std::string& response) {
    Backend backend;
    {
      const bool messages = provider == "anthropic";
      auto call = llm::start_call({.provider = provider,
                                   .path = messages ? "/v1/messages" : "/v1/chat/completions",
                                   .request = R"({"model":"asked","messages":[]})"});
      call.on_chunk(response);
      call.end({.content_type = "application/json"});
    }
    return backend.only()["metrics"];
  }
  static Row chat(const std::string& model, const std::string& provider = "openai") {
    return metrics(provider,
                   R"({"model":")" + model +
                       R"(","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}})");
  }
};

TEST_F(Prices, CountEachKindOfTokenAtItsOwnRate) {
  ASSERT_TRUE(set_model_prices(
      R"([{"model":"claude","input":3,"output":15,"cached_input":0.3,"cache_write_5m":3.75,"cache_write_1h":6}])"));
  const Row usage = metrics("anthropic", R"({"model":"claude","type":"message","role":"assistant","content":[],
    "usage":{"input_tokens":30,"cache_read_input_tokens":500,"cache_creation_input_tokens":200,"output_tokens":12,
             "cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":0}}})");
  ASSERT_TRUE(usage.contains("estimated_cost")) << usage;
  EXPECT_DOUBLE_EQ(usage["estimated_cost"], 0.00117);
}

TEST_F(Prices, OfTheNearestEntryCount) {
  ASSERT_TRUE(set_model_prices(R"([{"model":"gpt-*","input":1,"output":1},{"model":"gpt-5-*","input":2,"output":2},
                                   {"model":"gpt-5-mini","input":3,"output":3},
                                   {"provider":"azure","model":"gpt-*","input":4,"output":4}])"));
  EXPECT_DOUBLE_EQ(chat("gpt-4")["estimated_cost"], 0.0011);
  EXPECT_DOUBLE_EQ(chat("gpt-5-large")["estimated_cost"], 0.0022);
  EXPECT_DOUBLE_EQ(chat("gpt-5-mini")["estimated_cost"], 0.0033);
  EXPECT_DOUBLE_EQ(chat("gpt-5-mini", "azure")["estimated_cost"], 0.0044);
}

TEST_F(Prices, AreNeverGuessed) {
  ASSERT_TRUE(set_model_prices(R"([{"model":"known","input":1,"output":1}])"));
  EXPECT_FALSE(chat("unknown").contains("estimated_cost"));
  EXPECT_FALSE(metrics("openai", R"({"model":"known","choices":[]})").contains("estimated_cost"));
  EXPECT_TRUE(chat("known").contains("estimated_cost"));
}

TEST_F(Prices, OfTheRequestedModelCountWhereTheResponseNamesNone) {
  ASSERT_TRUE(set_model_prices(R"([{"model":"asked","input":1,"output":1}])"));
  EXPECT_DOUBLE_EQ(metrics("openai", R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}})")["estimated_cost"],
                   0.00001);
}

TEST_F(Prices, OfTheRequestedModelCountInACallThatWasShownWhileItWasOpen) {
  ASSERT_TRUE(set_model_prices(R"([{"model":"asked","input":1,"output":1}])"));
  Backend backend;
  auto call = llm::start_call({.provider = "openai", .path = "/v1/chat/completions", .request = R"({"model":"asked"})"});
  ASSERT_TRUE(test::eventually([&] { return !backend.stored_rows().empty(); }));
  EXPECT_EQ(backend.stored_rows()[0]["metadata"]["model"], "asked");
  call.on_chunk(R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}})");
  call.end();
  const Row row = backend.only();
  EXPECT_DOUBLE_EQ(row["metrics"]["estimated_cost"], 0.00001);
  EXPECT_EQ(row["metadata"]["model"], "asked");
}

TEST_F(Prices, GiveWayToWhatTheProviderSays) {
  ASSERT_TRUE(set_model_prices(R"([{"model":"m","input":1,"output":1}])"));
  const Row usage =
      metrics("openrouter",
              R"({"model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,"cost":0.5}})");
  EXPECT_DOUBLE_EQ(usage["estimated_cost"], 0.5);
}

TEST_F(Prices, ThatCannotBeReadLeaveTheFormerOnes) {
  ASSERT_TRUE(set_model_prices(R"([{"model":"m","input":1,"output":1}])"));
  for (const char* const wrong : {"", "{}", "[1]", R"([{"input":1,"output":1}])", R"([{"model":"m","input":1}])",
                                  R"([{"model":"m","input":-1,"output":1}])", R"([{"model":"m","input":"1","output":1}])",
                                  R"([{"model":"m","input":1,"output":1,"inptu":1}])"}) {
    const auto result = set_model_prices(wrong);
    ASSERT_FALSE(result) << wrong;
    EXPECT_THAT(result.error().message, HasSubstr("model prices"));
  }
  EXPECT_TRUE(chat("m").contains("estimated_cost"));
}

TEST_F(Prices, MayStandInAFile) {
  const std::string path = testing::TempDir() + "prices.json";
  std::ofstream(path) << R"([{"model":"m","input":1,"output":1}])";
  EXPECT_TRUE(load_model_prices(path));
  EXPECT_TRUE(chat("m").contains("estimated_cost"));
  std::remove(path.c_str());
  const auto gone = load_model_prices(path);
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error().message, HasSubstr(path));
}

}  // namespace
}  // namespace braintrust
