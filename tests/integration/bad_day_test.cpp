// What happens to traces when the program that makes them comes to a bad end: bad_day.cpp is that program.

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "support/sanitized.h"
#include "trace/backend.h"

namespace braintrust {
namespace {

using test::only_row;
using test::Row;
using test::ScriptedServer;
using testing::HasSubstr;
using testing::Not;

constexpr bool sanitized = BRAINTRUST_THREAD_SANITIZED || BRAINTRUST_ADDRESS_SANITIZED;

struct Ended {
  int status = 0;      // 128 and the signal's number when it was one; 124 when it never ended
  std::string output;  // of both streams
  std::map<std::string, long long> numbers = {};
};

Ended run(const std::string& day, const std::string& url) {
  // Without the variables of whoever runs the tests.
  const std::string command =
      "env -u BRAINTRUST_API_KEY -u BRAINTRUST_APP_URL -u BRAINTRUST_API_URL timeout 100 " BAD_DAY_PROGRAM " " + day + " " +
      url + " 2>&1";
  Ended ended;
  FILE* const pipe = ::popen(command.c_str(), "r");
  char bytes[4096];
  for (std::size_t size = 0; (size = std::fread(bytes, 1, sizeof bytes, pipe)) > 0;) ended.output.append(bytes, size);
  const int status = ::pclose(pipe);
  ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  std::istringstream lines(ended.output);
  for (std::string line; std::getline(lines, line);) {
    if (const std::size_t equals = line.find('='); equals != std::string::npos) {
      ended.numbers[line.substr(0, equals)] = std::atoll(line.c_str() + equals + 1);
    }
  }
  return ended;
}

class BadDay : public testing::Test {
 protected:
  BadDay() : server(std::move(*local::Server::start())) {}

  std::vector<Row> rows() { return Row::parse(*server.rows_json()).get<std::vector<Row>>(); }
  std::size_t count(const std::string& name) {
    std::size_t found = 0;
    for (const Row& row : rows()) found += test::name_of(row) == name ? 1 : 0;
    return found;
  }

  local::Server server;
};

TEST_F(BadDay, ReturnFromMainDeliversWhatIsQueued) {
  const Ended ended = run("returns", server.url());
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_EQ(count("row"), 10U);
  EXPECT_EQ(ended.output, "");
}

TEST_F(BadDay, ExitDeliversWhatIsQueued) {
  const Ended ended = run("exits", server.url());
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_EQ(count("row"), 10U);
}

TEST_F(BadDay, ReturnFromMainUploadsWhatIsAttached) {
  const Ended ended = run("attaches", server.url());
  EXPECT_EQ(ended.status, 0) << ended.output;
  ASSERT_EQ(rows().size(), 3U);
  for (const Row& row : rows()) EXPECT_EQ(*server.store().attachment_bytes(row["input"]["key"].get<std::string>()), "bytes");
  EXPECT_EQ(ended.output, "");
}

TEST_F(BadDay, ExitGivesUpAttachmentsInTimeWhenTheStoreHangs) {
  ScriptedServer braintrust, store;
  play_braintrust(braintrust, {.api_key = "k"});
  play_attachments(braintrust, store, {.api_key = "k"});
  store.on("/store", {{.deed = test::Deed::hang}});
  const Ended ended = run("attaches", braintrust.url());
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_EQ(test::rows_of(braintrust).size(), 3U);
  EXPECT_THAT(ended.output, HasSubstr("warning: 3 attachments were not delivered before the process ended"));
}

TEST_F(BadDay, ExitGivesUpInTimeWhenNobodyAnswers) {
  for (const bool hang : {false, true}) {
    ScriptedServer silent;
    if (hang) silent.on("/api/apikey/login", {{.deed = test::Deed::hang}});
    const std::string url = hang ? silent.url() : "http://127.0.0.1:" + std::to_string(test::free_port());
    const Ended ended = run("gives_up", url);
    EXPECT_EQ(ended.status, 0) << ended.output;
    EXPECT_THAT(ended.output, HasSubstr("10 rows were not delivered before the process ended"));
  }
}

TEST_F(BadDay, ExitDeliversTheRowsOfOneLoggerThoughNobodyAnswersOthers) {
  ScriptedServer slow;
  play_braintrust(slow, {.api_key = "k"});
  slow.handle("/logs3", [](const test::ServerRequest&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return test::Answer{};
  });
  const Ended ended = run("exits_with_three_loggers", slow.url());
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output, Not(HasSubstr("9 rows were not delivered")));
  EXPECT_THAT(ended.output, HasSubstr("3 rows were not delivered before the process ended"));
  EXPECT_THAT(ended.output, HasSubstr("4 rows were not delivered before the process ended"));
}

TEST_F(BadDay, ExitWaitsForTheSlowestLoggerAndNotForEach) {
  const auto begin = std::chrono::steady_clock::now();
  const Ended ended = run("gives_up_three_loggers", "http://127.0.0.1:" + std::to_string(test::free_port()));
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8)) << "three times three seconds";
  EXPECT_THAT(ended.output, HasSubstr("1 row was not delivered before the process ended"));
}

TEST_F(BadDay, ExitSendsAnOpenSpanAsItStands) {
  const Ended ended = run("exits_in_a_span", server.url());
  EXPECT_EQ(ended.status, 0) << ended.output;
  ASSERT_EQ(rows().size(), 1U);
  EXPECT_EQ(rows()[0]["input"], "what it was doing");
  EXPECT_FALSE(rows()[0]["metrics"].contains("end"));
}

TEST_F(BadDay, AnUncaughtExceptionSendsAnOpenSpanAsItStands) {
  const Ended ended = run("is_terminated", server.url());
  EXPECT_EQ(ended.status, 128 + SIGABRT) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("nobody catches this")) << "the handler that was there before still speaks";
  ASSERT_EQ(rows().size(), 1U);
  EXPECT_EQ(rows()[0]["input"], "what it was doing");
}

TEST_F(BadDay, UnderscoreExitLosesOnlyWhatWasNotFlushed) {
  const Ended ended = run("ends_at_once", server.url());
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_EQ(count("flushed"), 5U);
}

TEST_F(BadDay, SpansMayOutliveMainAndTheirThread) {
  const Ended ended = run("outlives_main", server.url());
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_EQ(rows().size(), 5U);
  for (const char* const name : {"thread_local of main", "thread_local", "thread_local, nested", "static, made last"}) {
    Row row = only_row(rows(), name);
    EXPECT_EQ(row.value("output", ""), "at the very end") << name;
    EXPECT_TRUE(row["metrics"].contains("end")) << name;
  }
  // Destroyed after everything was delivered; it was sent as it stood then.
  EXPECT_NO_THROW(only_row(rows(), "static, made first"));
}

TEST_F(BadDay, AfterForkBothProcessesDeliverTheirOwn) {
#if BRAINTRUST_THREAD_SANITIZED
  GTEST_SKIP() << "this sanitizer starts no threads in a forked child";
#endif
  const Ended ended = run("forks", server.url());
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_EQ(count("parent"), 20U);
  EXPECT_EQ(count("child"), 10U);
  Row request = only_row(rows(), "request");
  EXPECT_EQ(request["input"], "of the parent");
  EXPECT_FALSE(request.contains("output")) << "the parent's span is not the child's to write";
  EXPECT_TRUE(request["metrics"].contains("end"));
  std::set<std::string> ids;
  for (const Row& row : rows()) {
    ids.insert(row["span_id"]);
    if (test::name_of(row) == "child") {
      EXPECT_EQ(row["root_span_id"], request["root_span_id"]);
    }
  }
  EXPECT_EQ(ids.size(), rows().size());
  EXPECT_THAT(ended.output, HasSubstr("out of range")) << "the child may tell what it refuses";
}

TEST_F(BadDay, AfterForkTheChildCountsItsOwnRowsOnly) {
#if BRAINTRUST_THREAD_SANITIZED
  GTEST_SKIP() << "this sanitizer starts no threads in a forked child";
#endif
  const Ended ended = run("counts_after_fork", server.url());
  EXPECT_EQ(ended.status, 0) << ended.output;
}

TEST_F(BadDay, AfterForkASpanOfTheParentIsSentOnce) {
#if BRAINTRUST_THREAD_SANITIZED
  GTEST_SKIP() << "this sanitizer starts no threads in a forked child";
#endif
  for (const char* const day : {"forks", "counts_after_fork"}) {
    ScriptedServer braintrust;
    play_braintrust(braintrust, {.api_key = "k"});
    EXPECT_EQ(run(day, braintrust.url()).status, 0);
    // A row of the child's for it would be replaced by the parent's, and not be seen in what is stored.
    EXPECT_NO_THROW(only_row(test::rows_of(braintrust), "request")) << day;
  }
}

TEST_F(BadDay, ForksWhileOtherThreadsHoldLocksDoNotHang) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's own locks do not survive such a fork";
  const Ended ended = run("forks_when_locked", server.url());
  EXPECT_EQ(ended.status, 0) << ended.output;
}

TEST_F(BadDay, ForksWhileOtherThreadsLogNeitherHangNorLoseNorRepeat) {
  // GCC 12's sanitizers leave their allocator's lock taken in the child when another thread held it, or start no threads there.
  if (sanitized) GTEST_SKIP() << "a sanitizer's own locks do not survive such a fork";
  const Ended ended = run("forks_when_busy", server.url());
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_EQ(ended.numbers.at("bad"), 0) << ended.output;
  EXPECT_EQ(ended.numbers.at("pending"), 0) << ended.output;
  EXPECT_EQ(ended.numbers.at("dropped"), 0) << ended.output;
  EXPECT_EQ(count("child"), 20U);
  EXPECT_EQ(count("outer"), 1U);
  EXPECT_EQ(count("parent"), static_cast<std::size_t>(ended.numbers.at("parent")));
}

TEST(BadDaySlow, AFloodThatNobodyTakesIsBoundedAndCounted) {
  const Ended ended = run("floods", "http://127.0.0.1:" + std::to_string(test::free_port()));
  ASSERT_EQ(ended.status, 0) << ended.output;
  const auto number = [&](const char* name) { return ended.numbers.at(name); };
  EXPECT_EQ(number("queued") + number("sent") + number("dropped"), number("logged"));
  EXPECT_GT(number("full"), number("logged") / 2);
  EXPECT_GT(number("queued"), 1000);
  EXPECT_LE(number("queued_bytes"), 64LL << 20);
  // The bound, and as much again for the program, libcurl and the buffers that grow by half. A sanitizer keeps what is freed.
  if (!sanitized) {
    EXPECT_LT(number("peak_kb"), 128 * 1024) << ended.output;
  }
  EXPECT_THAT(ended.output, HasSubstr("the queue is full"));
}

}  // namespace
}  // namespace braintrust
