// The network is gone, the server hangs, the process ends or forks: what the program feels, and where the loss is counted.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <opentelemetry/sdk/common/global_log_handler.h>

#include "otel/received.h"
#include "support/sanitized.h"
#include "support/told.h"

namespace braintrust::test {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

std::vector<std::string> names(const Receiver& receiver) {
  std::vector<std::string> found;
  for (const ReceivedSpan& span : receiver.spans()) found.push_back(span.name);
  return found;
}

TEST(SpanProcessorOnABadDay, CountsABatchThatTheServerRefusesAndGoesOn) {
  Receiver receiver;
  receiver.server.on("/otel/v1/traces", {{.status = 400}, {.body = {}}});
  const Told told;
  Tracing tracing(receiver.options());
  tracing.start("refused")->End();
  EXPECT_FALSE(tracing.flush());
  EXPECT_EQ(tracing.stats().failed, 1u);
  EXPECT_EQ(told.count(ErrorCode::http_status), 1u);
  tracing.start("taken")->End();
  EXPECT_TRUE(tracing.flush());
  EXPECT_EQ(tracing.stats().sent, 1u);
}

// ExportTraceServiceResponse { partial_success { rejected_spans, error_message } }
std::string took_in_part(char rejected, const std::string& message) {
  std::string partial = rejected != 0 ? std::string{'\x08', rejected} : std::string();
  partial += std::string{'\x12', static_cast<char>(message.size())} + message;
  return std::string{'\x0a', static_cast<char>(partial.size())} + partial;
}

TEST(SpanProcessorOnABadDay, CountsWhatTheServerTookOnlyInPart) {
  Receiver receiver;
  receiver.server.on("/otel/v1/traces", {{.body = took_in_part(1, "too old")}, {.body = {}}});
  const Told told;
  Tracing tracing(receiver.options());
  for (int i = 0; i < 5; ++i) tracing.start("work")->End();
  EXPECT_FALSE(tracing.flush());
  EXPECT_EQ(tracing.stats().sent, 4u);
  EXPECT_EQ(tracing.stats().failed, 1u);
  EXPECT_EQ(receiver.spans().size(), 5u) << "a success is never repeated";
  EXPECT_EQ(told.count(ErrorCode::http_status), 1u);
  EXPECT_TRUE(told.mentions("refused 1 of "));
  EXPECT_TRUE(told.mentions("too old"));
}

TEST(SpanProcessorOnABadDay, CountsNoMoreRejectedSpansThanThereWere) {
  Receiver receiver;
  receiver.server.on("/otel/v1/traces", {{.body = took_in_part(100, "all of them")}});
  const Told told;
  Tracing tracing(receiver.options());
  tracing.start("work")->End();
  EXPECT_FALSE(tracing.flush());
  EXPECT_EQ(tracing.stats().failed, 1u);
  EXPECT_EQ(tracing.stats().sent, 0u);
}

TEST(SpanProcessorOnABadDay, TellsAWarningOfTheServerAndNoKeyWithIt) {
  Receiver receiver;
  receiver.server.on("/otel/v1/traces", {{.body = took_in_part(0, "soon too many for " + FakeBraintrust().api_key)}});
  const Told told;
  Tracing tracing(receiver.options());
  tracing.start("work")->End();
  EXPECT_TRUE(tracing.flush());
  EXPECT_EQ(tracing.stats().sent, 1u);
  EXPECT_EQ(tracing.stats().failed, 0u);
  EXPECT_TRUE(told.mentions("soon too many"));
  EXPECT_FALSE(told.mentions(FakeBraintrust().api_key));
}

TEST(SpanProcessorOnABadDay, SendsABatchAgainAfterAFailureThatPasses) {
  Receiver receiver;
  receiver.server.on("/otel/v1/traces", {{.status = 503}, {.deed = Deed::drop}, {.body = {}}});
  Tracing tracing(receiver.options());
  tracing.start("work")->End();
  EXPECT_TRUE(tracing.flush());
  EXPECT_EQ(tracing.stats().sent, 1u);
  const auto requests = receiver.server.requests("/otel/v1/traces");
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].body, requests[2].body);
}

TEST(SpanProcessorOnABadDay, DoesNotRepeatWhatTheSpecificationForbids) {
  for (const int status : {400, 408, 500, 501}) {
    Receiver receiver;
    receiver.server.on("/otel/v1/traces", {{.status = status}, {.body = {}}});
    Tracing tracing(receiver.options());
    tracing.start("work")->End();
    EXPECT_FALSE(tracing.flush()) << status;
    EXPECT_EQ(tracing.stats().failed, 1u) << status;
    EXPECT_EQ(receiver.server.count("/otel/v1/traces"), 1u) << status;
  }
}

TEST(SpanProcessorOnABadDay, SendsOnceTheServerIsBack) {
  const int port = free_port();
  const Told told;
  auto options = Receiver().options();
  options.api_url = "http://127.0.0.1:" + std::to_string(port);
  Tracing tracing(options);
  tracing.start("while it is down")->End();
  EXPECT_FALSE(tracing.flush());
  EXPECT_EQ(tracing.stats().failed, 1u);

  ScriptedServer server(port);
  server.on("/otel/v1/traces", {{.body = {}}});
  tracing.start("while it is up")->End();
  EXPECT_TRUE(tracing.flush());
  EXPECT_EQ(tracing.stats().sent, 1u);
  EXPECT_EQ(server.count("/otel/v1/traces"), 1u);
}

TEST(SpanProcessorOnABadDay, KeepsToTheDeadlinesWhileTheServerHangs) {
  Receiver receiver;
  receiver.server.on("/otel/v1/traces", {{.deed = Deed::hang}});
  auto options = receiver.options();
  options.request_timeout = std::chrono::minutes(2);
  options.batch.max_export_batch_size = 1;  // several requests would wait one after the other
  Tracing tracing(options);
  for (int i = 0; i < 5; ++i) tracing.start("work")->End();

  const auto begin = Clock::now();
  EXPECT_FALSE(tracing.processor().ForceFlush(milliseconds(50)));
  EXPECT_LT(Clock::now() - begin, long_enough);
  ASSERT_TRUE(eventually([&] { return receiver.server.count("/otel/v1/traces") == 1; }));
  EXPECT_FALSE(tracing.processor().Shutdown(milliseconds(50)));
  EXPECT_LT(Clock::now() - begin, long_enough);
  // Given up, all of them, and not only left behind.
  ASSERT_TRUE(eventually([&] { return tracing.stats().dropped == 5; }));
  EXPECT_EQ(receiver.server.count("/otel/v1/traces"), 1u);
}

// How many threads wait for a call that its caller has given up.
std::size_t threads_left_behind() {
  std::size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::ifstream(task.path() / "comm") >> name;
    count += name == "bt-otel" ? 1 : 0;
  }
  return count;
}

TEST(SpanProcessorOnABadDay, LeavesNoThreadForEachFlushThatTookTooLong) {
  Receiver receiver;
  receiver.server.on("/otel/v1/traces", {{.deed = Deed::hang}});
  auto options = receiver.options();
  options.request_timeout = std::chrono::minutes(2);
  Tracing tracing(options);
  tracing.start("work")->End();
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(tracing.processor().ForceFlush(milliseconds(1)));
  EXPECT_TRUE(eventually([] { return threads_left_behind() == 0; })) << threads_left_behind();
  EXPECT_EQ(tracing.stats().sent + tracing.stats().failed, 0u) << "the server still hangs";
}

TEST(SpanProcessorOnABadDay, ShutsDownOnceAndDropsWhatEndsLater) {
  Receiver receiver;
  Tracing tracing(receiver.options());
  auto late = tracing.start("late");
  tracing.start("early")->End();
  EXPECT_TRUE(tracing.processor().Shutdown());
  EXPECT_THAT(names(receiver), testing::ElementsAre("early"));
  late->End();
  EXPECT_TRUE(tracing.processor().Shutdown());
  EXPECT_TRUE(tracing.processor().ForceFlush());
  EXPECT_EQ(tracing.stats().dropped, 1u);
  tracing.destroy();
  EXPECT_THAT(names(receiver), testing::ElementsAre("early"));
}

TEST(SpanProcessorOnABadDay, NeedsNoThreadAndNoRequestForAProgramWithoutSpans) {
  Receiver receiver;
  {
    Tracing tracing(receiver.options());
    EXPECT_TRUE(tracing.flush());
  }
  EXPECT_EQ(receiver.server.count(), 0u);
}

TEST(SpanProcessorOnABadDay, LosesNothingOfEightThreadsWithinItsQueue) {
  Receiver receiver;
  auto options = receiver.options();
  options.batch.max_queue_size = 1 << 14;
  options.batch.max_export_batch_size = 512;
  Tracing tracing(options);
  constexpr int threads = 8, spans = 500;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&, t] {
      // Each thread's spans go to a project of its own, but for those of the first.
      const std::string parent = "project_name:" + std::to_string(t);
      for (int i = 0; i < spans; ++i) {
        auto span =
            t == 0 ? tracing.start("0") : tracing.tracer().StartSpan(std::to_string(t), {{"braintrust.parent", parent}});
        const OtelScope scope(span);
        tracing.start(std::to_string(t))->End();
        span->End();
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  ASSERT_TRUE(tracing.flush());
  EXPECT_EQ(tracing.stats().sent, 2u * threads * spans);
  std::map<std::string, int> by_place;
  for (const ReceivedSpan& span : receiver.spans()) {
    EXPECT_EQ(span.text("braintrust.parent"), "project_name:" + (span.name == "0" ? std::string("p") : span.name));
    ++by_place[span.name];
  }
  EXPECT_EQ(by_place.size(), static_cast<std::size_t>(threads));
  for (const auto& [name, count] : by_place) EXPECT_EQ(count, 2 * spans) << name;
}

TEST(SpanProcessorOnABadDay, MayBeShutDownWhileThreadsEndSpansAndBatchesAreSent) {
  for (int round = 0; round < 5; ++round) {
    Receiver receiver;
    auto options = receiver.options();
    options.batch.max_export_batch_size = 8;
    options.batch.schedule_delay_millis = milliseconds(1);
    Tracing tracing(options);
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> ended = 0;
    std::vector<std::thread> all;
    for (int t = 0; t < 8; ++t) {
      all.emplace_back([&] {
        while (!stop) {
          tracing.start("work")->End();
          ++ended;
        }
      });
    }
    EXPECT_TRUE(eventually([&] { return receiver.server.count("/otel/v1/traces") > 0; }));
    std::vector<std::thread> shutting;
    for (int t = 0; t < 2; ++t) shutting.emplace_back([&] { tracing.processor().Shutdown(long_enough); });
    for (std::thread& thread : shutting) thread.join();
    stop = true;
    for (std::thread& thread : all) thread.join();
    const otel::SpanProcessorStats stats = tracing.stats();
    EXPECT_EQ(stats.ended, ended);
    EXPECT_EQ(stats.failed, 0u);
    EXPECT_LE(stats.sent + stats.dropped, stats.ended);
    EXPECT_EQ(receiver.spans().size(), stats.sent);
  }
}

TEST(SpanProcessorOnABadDay, BeginsAnewInAForkedChild) {
  Receiver receiver;
  Tracing tracing(receiver.options());
  tracing.start("before")->End();
  const pid_t child = ::fork();
  if (child == 0) {
    const bool is_new = tracing.stats().ended == 0;
    tracing.start("of the child")->End();
    const bool sent = tracing.processor().ForceFlush(std::chrono::seconds(20));
    tracing.destroy();
    ::_exit(is_new && sent ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(names(receiver), testing::Contains("of the child"));
  ASSERT_TRUE(tracing.flush());
  EXPECT_THAT(names(receiver), testing::UnorderedElementsAre("before", "of the child"));
}

TEST(SpanProcessorOnABadDay, MayBeForkedWhileOtherThreadsStartAndEndSpans) {
  if (BRAINTRUST_THREAD_SANITIZED || BRAINTRUST_ADDRESS_SANITIZED) GTEST_SKIP() << "its own locks do not survive such a fork";
  Receiver receiver;
  Tracing tracing(receiver.options());
  // Of each span that finds the queue full, opentelemetry-cpp writes a line.
  using opentelemetry::sdk::common::internal_log::GlobalLogHandler;
  GlobalLogHandler::SetLogLevel(opentelemetry::sdk::common::internal_log::LogLevel::None);
  tracing.start("first")->End();  // what opentelemetry-cpp makes at first use, it may not be making when a process is copied
  std::atomic<bool> stop = false;
  std::vector<std::thread> all;
  for (int t = 0; t < 4; ++t) {
    all.emplace_back([&] {
      while (!stop) tracing.tracer().StartSpan("work", {{"braintrust.parent", "project_name:q"}})->End();
    });
  }
  for (int i = 0; i < 20; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(30);  // a child that hangs is one that failed
      tracing.tracer().StartSpan("child", {{"braintrust.parent", "project_name:q"}})->End();
      ::_exit(tracing.processor().Shutdown(std::chrono::seconds(20)) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  stop = true;
  for (std::thread& thread : all) thread.join();
}

class ProgramThatEnds : public testing::TestWithParam<std::pair<std::string, std::vector<std::string>>> {};

TEST_P(ProgramThatEnds, LeavesNothingBehindAndDoesNotCrash) {
  const auto& [way, spans] = GetParam();
  Receiver receiver;
  const std::string command = std::string(BRAINTRUST_OTEL_PROGRAM) + " " + way + " " + receiver.server.url();
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_THAT(names(receiver), testing::UnorderedElementsAreArray(spans));
}

INSTANTIATE_TEST_SUITE_P(Ways, ProgramThatEnds,
                         testing::Values(std::pair("static", std::vector<std::string>{"before"}),
                                         std::pair("exit", std::vector<std::string>{"before"}),
                                         std::pair("flush", std::vector<std::string>{"before", "at the end"}),
                                         std::pair("fork",
                                                   std::vector<std::string>{"before", "of the child", "of the parent"})),
                         [](const auto& ending) { return ending.param.first; });

TEST(ProgramThatEndsWhileTheServerHangs, IsNotHeldUpForLong) {
  Receiver receiver;
  receiver.server.on("/otel/v1/traces", {{.deed = Deed::hang}});
  const std::string command = std::string(BRAINTRUST_OTEL_PROGRAM) + " exit " + receiver.server.url();
  const auto begin = Clock::now();
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_LT(Clock::now() - begin, long_enough);
}

}  // namespace
}  // namespace braintrust::test
