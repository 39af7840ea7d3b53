// Masking: no value of a user leaves unmasked, whatever the function does.

#include <sys/wait.h>
#include <unistd.h>

#include <braintrust/trace/masking.h>
#include <atomic>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/sanitized.h"
#include "support/told.h"
#include "trace/backend.h"

namespace braintrust {
namespace {

using test::Backend;
using test::Row;
using test::Told;
using test::Wire;
using testing::HasSubstr;
using testing::Not;

class Masking : public testing::Test {
 protected:
  ~Masking() override { set_masking_function({}); }

  // Logs the word "secret" into every field a user can fill.
  static void log_secrets(Logger& logger) {
    auto span = logger.start_span("masked", {.attributes = {{"note", "attributes are not masked"}}});
    span.log({.input = "secret",
              .output = {{"deep", Json::array({"secret"})}},
              .expected = "secret",
              .error = "secret",
              .scores = {{"secret", 0.5}},
              .metadata = {{"k", "secret"}},
              .metrics = {{"secret", 1}},
              .tags = {"secret"},
              .classifications = {{"c", Json::array({"secret"})}},
              .origin = {{"id", "secret"}}});
    logger.log_feedback({.id = "another row",
                         .scores = {{"secret", 1}},
                         .expected = "secret",
                         .tags = {"secret"},
                         .comment = "secret",
                         .metadata = {{"user", "secret"}}});
  }
  static std::string sent(Wire& wire) {
    wire.logger.flush(test::long_enough);
    std::string all;
    for (const auto& request : wire.server.requests("/logs3")) all += request.body;
    return all;
  }
};

Row redact(const Row& value) {
  std::string text = value.dump();
  for (std::size_t at = 0; (at = text.find("secret", at)) != std::string::npos;) text.replace(at, 6, "public");
  return Row::parse(text);
}

TEST_F(Masking, SeesEveryFieldOfAUser) {
  set_masking_function(redact);
  Wire wire;
  log_secrets(wire.logger);
  const std::string text = sent(wire);
  EXPECT_THAT(text, Not(HasSubstr("secret")));
  std::map<std::string, Row> fields;
  for (const Row& row : test::rows_of(wire.server)) {
    for (const auto& [name, value] : row.items()) fields[name] = value;
  }
  EXPECT_EQ(fields["input"], "public");
  EXPECT_EQ(fields["output"], (Row{{"deep", {"public"}}}));
  EXPECT_EQ(fields["error"], "public");
  EXPECT_EQ(fields["metadata"], (Row{{"k", "public"}}));
  EXPECT_EQ(fields["tags"], (Row{"public"}));
  EXPECT_EQ(fields["comment"]["text"], "public");
  EXPECT_EQ(fields["_audit_metadata"], (Row{{"user", "public"}}));
  EXPECT_EQ(fields["classifications"], (Row{{"c", {"public"}}}));
}

TEST_F(Masking, IsCalledOnceForEachPresentField) {
  std::multiset<std::string> seen;
  set_masking_function([&](const Row& value) {
    seen.insert(value.dump());
    return value;
  });
  Backend backend;
  {
    auto span = backend.logger().start_span("counted", {.input = 1});
    span.log({.output = 2, .metadata = {{"a", 1}}});
    span.log({.metadata = {{"b", 2}}});
  }
  Row row = backend.row("counted");
  EXPECT_EQ(row["input"], 1);
  EXPECT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen.count("1"), 1U);
  EXPECT_EQ(seen.count("2"), 1U);
  EXPECT_EQ(seen.count(R"({"a":1,"b":2})"), 1U) << "after the merge";
  EXPECT_EQ(seen.count(row["context"].dump()), 1U);
}

TEST_F(Masking, NeverLeaksTheRawValueWhenItThrows) {
  Told told;
  set_masking_function([](const Row&) -> Row { throw std::runtime_error("secret message"); });
  Wire wire;
  log_secrets(wire.logger);
  EXPECT_THAT(sent(wire), Not(HasSubstr("secret")));
  Row row = test::only_row(test::rows_of(wire.server), "masked");
  EXPECT_EQ(row["input"], "ERROR: Failed to mask field 'input' - std::runtime_error");
  EXPECT_EQ(row["output"], "ERROR: Failed to mask field 'output' - std::runtime_error");
  EXPECT_EQ(row["expected"], "ERROR: Failed to mask field 'expected' - std::runtime_error");
  EXPECT_EQ(row["metadata"], (Row{{"error", "ERROR: Failed to mask field 'metadata' - std::runtime_error"}}));
  EXPECT_EQ(row["context"], (Row{{"error", "ERROR: Failed to mask field 'context' - std::runtime_error"}}));
  for (const char* const gone : {"scores", "tags", "classifications", "origin"}) {
    EXPECT_FALSE(row.contains(gone)) << gone;
    EXPECT_THAT(row["error"].get<std::string>(), HasSubstr("Failed to mask field '" + std::string(gone) + "'"));
  }
  EXPECT_FALSE(row["metrics"].contains("secret"));
  EXPECT_TRUE(row["metrics"].contains("start")) << "what we measured is not a user's";
  EXPECT_GE(told.count(ErrorCode::callback_failed), 1U);
  EXPECT_FALSE(told.mentions("secret"));
}

TEST_F(Masking, SurvivesAnExceptionThatIsNone) {
  set_masking_function([](const Row& value) -> Row {
    if (value == "secret") throw 17;
    return value;
  });
  Backend backend;
  { auto span = backend.logger().start_span("thrown", {.input = "secret"}); }
  EXPECT_EQ(backend.row("thrown")["input"], "ERROR: Failed to mask field 'input' - exception");
}

TEST_F(Masking, OfTheWrongShapeIsLeftOut) {
  Told told;
  set_masking_function([](const Row&) { return Row("***"); });
  Backend backend;
  {
    auto span = backend.logger().start_span("shapes", {.input = "secret"});
    span.log({.scores = {{"s", 1}}, .metadata = {{"k", 1}}, .metrics = {{"m", 1}}, .tags = {"t"}});
  }
  Row row = backend.row("shapes");
  EXPECT_EQ(row["input"], "***");
  for (const char* const gone : {"scores", "metadata", "tags", "context"}) EXPECT_FALSE(row.contains(gone)) << gone;
  EXPECT_FALSE(row["metrics"].contains("m"));
}

TEST_F(Masking, MayReturnTextThatIsNoUtf8) {
  set_masking_function([](const Row& value) { return value.is_string() ? Row("\xff\xfe") : value; });
  Backend backend;
  { auto span = backend.logger().start_span("bytes", {.input = "secret"}); }
  EXPECT_EQ(backend.row("bytes")["input"], "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_F(Masking, ThatReturnsADiscardedValueHasFailed) {
  set_masking_function([](const Row& value) { return Row::parse(value.is_string() ? "{" : value.dump(), nullptr, false); });
  Backend backend;
  { auto span = backend.logger().start_span("discarded", {.input = "secret"}); }
  EXPECT_THAT(backend.row("discarded")["input"], HasSubstr("ERROR: Failed to mask field 'input'"));
}

TEST_F(Masking, MayBeSetInAForkedChildWhateverOtherThreadsWereDoing) {
  if (BRAINTRUST_THREAD_SANITIZED || BRAINTRUST_ADDRESS_SANITIZED) GTEST_SKIP() << "its own locks do not survive such a fork";
  const Backend backend;  // makes the library watch for forks
  std::atomic<bool> over = false;
  std::thread other([&] {
    while (!over) set_masking_function(redact);
  });
  int status = 0;
  for (int i = 0; i < 200 && status == 0; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(20);  // ends one that waits for a thread that is not there
      set_masking_function({});
      ::_exit(0);
    }
    ::waitpid(child, &status, 0);
  }
  over = true;
  other.join();
  EXPECT_EQ(status, 0);
}

TEST_F(Masking, MayBeReplacedWhileTheFormerFunctionIsDestroyed) {
  struct Resetting {
    ~Resetting() { set_masking_function({}); }
  };
  set_masking_function([last = std::make_shared<Resetting>()](const nlohmann::json& value) { return value; });
  set_masking_function(redact);
  Backend backend;
  backend.logger().start_span("open", {.input = "secret"}).end();
  EXPECT_EQ(backend.row("open")["input"], "secret") << "the destructor spoke last";
}

TEST_F(Masking, EndsWithAnEmptyFunction) {
  set_masking_function(redact);
  set_masking_function({});
  Backend backend;
  { auto span = backend.logger().start_span("plain", {.input = "secret"}); }
  EXPECT_EQ(backend.row("plain")["input"], "secret");
}

TEST_F(Masking, IsAppliedToSpansThatAreStillOpen) {
  set_masking_function(redact);
  Backend backend;
  auto open = backend.logger().start_span("open", {.input = "secret"});
  backend.logger().shutdown(test::long_enough);
  EXPECT_EQ(test::only_row(backend.stored_rows(), "open")["input"], "public");
}

}  // namespace
}  // namespace braintrust
