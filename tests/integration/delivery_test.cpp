// Bad days of the network and of the server, seen from the public API.

#include <atomic>
#include <barrier>
#include <chrono>
#include <latch>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <braintrust/trace/masking.h>

#include "support/told.h"
#include "trace/backend.h"

namespace braintrust {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Answer;
using test::Backend;
using test::Deed;
using test::eventually;
using test::long_enough;
using test::Row;
using test::ScriptedServer;
using test::ServerRequest;
using test::Told;
using test::Variables;
using test::Wire;
using testing::HasSubstr;

void log_rows(Logger& logger, int count, const std::string& name = "row") {
  for (int i = 0; i < count; ++i) {
    auto span = logger.start_span(name);
    span.log({.input = i});
  }
}

std::set<std::string> ids_of(const std::vector<Row>& rows) {
  std::set<std::string> ids;
  for (const Row& row : rows) ids.insert(row["id"]);
  return ids;
}

// Every row is in exactly one place; while rows move, a snapshot may show some in two.
void expect_sum(const Logger& logger, std::uint64_t rows) {
  Stats stats;
  const auto sum = [&] {
    stats = logger.stats();
    return stats.queued_rows + stats.sent_rows + stats.dropped.total();
  };
  EXPECT_TRUE(eventually([&] { return sum() == rows; }))
      << stats.queued_rows << " queued, " << stats.sent_rows << " sent, " << stats.dropped.total() << " dropped";
}

// --- keys and hosts

TEST(Delivery, WithoutAKeySaysWhereOneMayStandAndKeepsTheRows) {
  const Variables variables(Variables::Values{{"BRAINTRUST_API_KEY", std::nullopt}});
  Told told;
  ScriptedServer server;
  test::play_braintrust(server);
  Logger logger = init_logger({.project = "p", .app_url = server.url()});
  log_rows(logger, 10);
  const FlushResult result = logger.flush(long_enough);
  EXPECT_EQ(result.pending, 10U);
  EXPECT_FALSE(result.complete());
  EXPECT_EQ(server.count(), 0U);
  EXPECT_EQ(told.count(ErrorCode::missing_api_key), 1U);
  for (const char* const source : {"api_key", "BRAINTRUST_API_KEY", ".env.braintrust"})
    EXPECT_TRUE(told.mentions(source)) << source;
  EXPECT_EQ(logger.shutdown(long_enough).pending, 10U) << "given up";
  EXPECT_EQ(logger.stats().dropped.closed, 10U);
  expect_sum(logger, 10);
}

TEST(Delivery, WithAWrongKeySaysSoOnceAndAsksNoMore) {
  Told told;
  ScriptedServer server;
  test::play_braintrust(server);
  Logger logger = init_logger({.project = "p", .api_key = "sk-wrong", .app_url = server.url()});
  for (int round = 0; round < 5; ++round) {
    log_rows(logger, 2);
    EXPECT_EQ(logger.flush(long_enough).pending, 2U * static_cast<unsigned>(round + 1));
  }
  EXPECT_EQ(told.count(ErrorCode::unauthorized), 1U);
  for (const char* const source : {"api_key", "BRAINTRUST_API_KEY", ".env.braintrust"})
    EXPECT_TRUE(told.mentions(source)) << source;
  EXPECT_FALSE(told.mentions("sk-wrong"));
  EXPECT_LE(server.count(), 2U);
  expect_sum(logger, 10);
  logger.shutdown(long_enough);
}

// What does not fit the courier stays in the queue; waiting for it would be as useless.
TEST(Delivery, DoesNotWaitWhenNothingWillEverBeSentHoweverMuchThereIs) {
  const Variables variables(Variables::Values{{"BRAINTRUST_API_KEY", std::nullopt}});
  Logger logger = init_logger({.project = "p", .app_url = "http://127.0.0.1:1"});
  const std::string text(1 << 20, 'x');
  for (int i = 0; i < 40; ++i) {
    auto span = logger.start_span("large");
    span.log({.input = text});
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(logger.flush(std::chrono::hours(1)).pending, 40U);
  logger.shutdown(std::chrono::hours(1));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, long_enough);
  expect_sum(logger, 40);
}

TEST(Delivery, ToAnUnknownHostKeepsTheRowsAndEndsInTime) {
  Told told;
  Logger logger = init_logger({.project = "p", .api_key = "k", .app_url = "http://no-such-host.invalid"});
  log_rows(logger, 3);
  EXPECT_EQ(logger.flush(milliseconds(300)).pending, 3U);
  EXPECT_TRUE(eventually([&] { return told.mentions("rows wait, and it is tried again"); }));
  EXPECT_EQ(logger.shutdown(milliseconds(300)).pending, 3U);
  expect_sum(logger, 3);
}

// --- servers in trouble

// The first answer to rows is bad, then all is well.
struct Trouble {
  const char* name;
  std::vector<Answer> answers;
};
class DeliveryAfter : public testing::TestWithParam<Trouble> {};

TEST_P(DeliveryAfter, TroubleIsComplete) {
  const Variables variables(Variables::Values{{"BRAINTRUST_HTTP_TIMEOUT", "1"}});
  Wire wire;
  std::vector<Answer> answers = GetParam().answers;
  answers.push_back({});
  wire.server.on("/logs3", answers);
  log_rows(wire.logger, 5);
  const FlushResult result = wire.logger.flush(long_enough);
  EXPECT_EQ(result.sent, 5U);
  EXPECT_TRUE(result.complete());
  EXPECT_EQ(wire.server.count("/logs3"), answers.size());
  EXPECT_EQ(ids_of(rows_of(wire.server)).size(), 5U) << "the same rows each time";
  // libcurl itself repeats a request that a kept connection did not take.
  EXPECT_LE(wire.logger.stats().retries, answers.size() - 1);
  expect_sum(wire.logger, 5);
}

INSTANTIATE_TEST_SUITE_P(Kinds, DeliveryAfter,
                         testing::Values(Trouble{"ThreeTimes500", {{.status = 500}, {.status = 502}, {.status = 503}}},
                                         Trouble{"TooManyRequests", {{.status = 429, .headers = {{"Retry-After", "1"}}}}},
                                         Trouble{"RequestTimeout", {{.status = 408}}},
                                         Trouble{"Reset", {{.deed = Deed::reset}, {.deed = Deed::reset}}},
                                         Trouble{"Drop", {{.deed = Deed::drop}, {.deed = Deed::drop}}},
                                         Trouble{"Hang", {{.deed = Deed::hang}}},
                                         Trouble{"Truncated", {{.body = "{\"ids\":", .deed = Deed::truncate}}}),
                         [](const auto& trouble) { return trouble.param.name; });

TEST(Delivery, WaitsAsLongAsItIsAsked) {
  Wire wire;
  std::vector<std::chrono::steady_clock::time_point> asked;
  wire.server.handle("/logs3", [&](const ServerRequest&) {
    asked.push_back(std::chrono::steady_clock::now());
    return asked.size() == 1 ? Answer{.status = 429, .headers = {{"Retry-After", "1"}}} : Answer{};
  });
  log_rows(wire.logger, 1);
  EXPECT_TRUE(wire.logger.flush(long_enough).complete());
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_GE(asked[1] - asked[0], milliseconds(900));
}

TEST(Delivery, HalvesWhatIsTooLargeAndDropsOnlyTheRowThatIs) {
  Told told;
  Wire wire({.flush_interval = seconds(5)});
  wire.server.handle("/logs3", [](const ServerRequest& request) {
    return request.body.find("too large") != std::string::npos ? Answer{.status = 413} : Answer{};
  });
  log_rows(wire.logger, 20);
  wire.logger.log({.input = "too large"});
  log_rows(wire.logger, 20);
  const FlushResult result = wire.logger.flush(long_enough);
  EXPECT_EQ(result.sent, 40U);
  EXPECT_EQ(result.failed, 1U);
  EXPECT_EQ(result.pending, 0U);
  EXPECT_EQ(wire.logger.stats().dropped.refused, 1U);
  EXPECT_TRUE(told.mentions("413"));
  expect_sum(wire.logger, 41);
}

TEST(Delivery, OfRowsThatArrivedWithoutAnAnswerMakesNoDuplicates) {
  Wire wire;
  auto store = local::Store::open("");
  ASSERT_TRUE(store);
  int requests = 0;
  wire.server.handle("/logs3", [&](const ServerRequest& request) {
    if (!store->write(request.body)) return Answer{.status = 400};
    return ++requests % 3 != 0 ? Answer{.deed = Deed::drop} : Answer{};
  });
  log_rows(wire.logger, 20);
  EXPECT_TRUE(wire.logger.flush(long_enough).complete());
  EXPECT_GE(requests, 3) << "the second time not by libcurl, which repeats what a kept connection did not take";
  EXPECT_EQ(*store->row_count(), 20U);
  for (const Row& row : Row::parse(*store->rows_json()))
    EXPECT_TRUE(row.contains("input") && row["metrics"].contains("end")) << row;
}

// The row itself is out and fails; what comes later must not overtake it, or it would be undone.
TEST(Delivery, OfAnUpdateNeverOvertakesItsRow) {
  Wire wire;
  auto store = local::Store::open("");
  ASSERT_TRUE(store);
  std::latch failed(1);
  int requests = 0;
  wire.server.handle("/logs3", [&](const ServerRequest& request) {
    if (++requests == 1) {
      failed.count_down();
      return Answer{.status = 500};
    }
    const auto written = store->write(request.body);
    if (!written) ADD_FAILURE() << written.error().message << request.body;
    return written ? Answer{} : Answer{.status = 400};
  });
  std::string id;
  {
    auto span = wire.logger.start_span("updated", {.input = "first"});
    id = span.id();
  }
  failed.wait();
  wire.logger.update_span(id, {.output = "later"});
  wire.logger.log_feedback({.id = id, .scores = {{"s", 1}}});
  EXPECT_TRUE(wire.logger.flush(long_enough).complete());
  Row row = test::only_row(Row::parse(*store->rows_json()).get<std::vector<Row>>(), "updated");
  EXPECT_EQ(row["input"], "first");
  EXPECT_EQ(row.value("output", ""), "later");
  EXPECT_EQ(row.value("scores", Row()), (Row{{"s", 1}}));
}

TEST(Delivery, BringsARowOfTwentyMegabytesHome) {
  Backend backend;
  const std::string text(20 << 20, 'x');
  {
    Json input(text);  // before there is a span: one that is open for a second has a row more
    auto span = backend.logger().start_span("large");
    span.log({.input = std::move(input)});
    auto small = start_span("small");
  }
  EXPECT_EQ(backend.row("large")["input"].get<std::string>().size(), text.size());
  EXPECT_NO_THROW(backend.row("small"));
  expect_sum(backend.logger(), 2);
}

TEST(Delivery, OfARowLargerThanTheQueueIsCountedAsDropped) {
  Backend backend({.queue = {.max_bytes = 1 << 20}});
  log_rows(backend.logger(), 3);
  backend.logger().log({.input = std::string(2 << 20, 'x')});
  log_rows(backend.logger(), 3);
  EXPECT_EQ(backend.rows().size(), 6U);
  EXPECT_EQ(backend.logger().stats().dropped.queue_full, 1U);
  expect_sum(backend.logger(), 7);
}

TEST(Delivery, MakesValidTextOfBytesThatAreNone) {
  Backend backend;
  {
    auto span = backend.logger().start_span("bytes \xff");
    span.log({.input = "a\xc3(b", .metadata = {{"key \xfe", "\xed\xa0\x80"}}, .tags = {"t\x80"}});
    span.set_attributes("bytes \xff again");
  }
  Row row = backend.only();
  EXPECT_EQ(row["input"], "a\xef\xbf\xbd(b");
  EXPECT_EQ(test::name_of(row), "bytes \xef\xbf\xbd again");
}

// --- partial rows

TEST(Delivery, ShowsASpanThatIsOpenForMoreThanASecondAndCompletesItLater) {
  Wire wire;
  auto span = wire.logger.start_span("long", {.type = SpanType::llm, .input = "i", .tags = {"a"}});
  span.log({.metadata = {{"k", 1}}, .metrics = {{"tokens", 5}, {"end", 1700000000}}});
  ASSERT_TRUE(eventually([&] { return wire.server.count("/logs3") == 1; }));
  Row partial = rows_of(wire.server).at(0);
  EXPECT_EQ(partial["input"], "i");
  EXPECT_FALSE(partial.contains("_is_merge"));
  EXPECT_EQ(partial["metadata"], (Row{{"k", 1}}));

  span.log({.output = "o", .metadata = {{"l", 2}}, .tags = {"b"}});
  span.end();
  wire.logger.flush(long_enough);
  const auto rows = rows_of(wire.server);
  ASSERT_EQ(rows.size(), 2U);
  const Row& rest = rows[1];
  EXPECT_EQ(rest["_is_merge"], true);
  EXPECT_EQ(rest["id"], partial["id"]);
  EXPECT_EQ(rest["output"], "o");
  EXPECT_EQ(rest["metadata"], (Row{{"l", 2}})) << "only what is new";
  EXPECT_FALSE(rest.contains("input"));
  EXPECT_FALSE(rest.contains("created"));

  auto store = local::Store::open("");
  ASSERT_TRUE(store) << store.error().message;
  for (const auto& request : wire.server.requests("/logs3")) EXPECT_TRUE(store->write(request.body));
  Row whole = Row::parse(*store->rows_json()).at(0);
  EXPECT_EQ(whole["metadata"], (Row{{"k", 1}, {"l", 2}}));
  EXPECT_EQ(whole["tags"], (Row{"a", "b"}));
  EXPECT_EQ(whole["metrics"]["tokens"], 5);
  EXPECT_EQ(whole["metrics"]["end"], 1700000000) << "an end that was logged counts, also when it was sent early";
  EXPECT_EQ(whole["span_attributes"]["type"], "llm");
  expect_sum(wire.logger, 2);
}

TEST(Delivery, DoesNotShowASpanThatIsOpenForLessThanASecond) {
  Wire wire;
  auto span = wire.logger.start_span("short");
  const auto begin = std::chrono::steady_clock::now();
  // Longer than it takes until open spans are looked at.
  while (std::chrono::steady_clock::now() - begin < milliseconds(700)) wire.logger.flush(milliseconds(1));
  const bool shown = wire.server.count("/logs3") > 0;
  if (std::chrono::steady_clock::now() - begin > seconds(1)) GTEST_SKIP() << "the machine is too busy";
  EXPECT_FALSE(shown);
}

TEST(Delivery, ShowsAnOpenSpanAgainOnlyWhenThereIsSomethingNew) {
  Wire wire;
  auto quiet = wire.logger.start_span("quiet");
  ASSERT_TRUE(eventually([&] { return wire.server.count("/logs3") == 1; }));
  auto later = wire.logger.start_span("later");  // when it is shown, "quiet" has been open for another second
  ASSERT_TRUE(eventually([&] { return ids_of(rows_of(wire.server)).contains(later.id()); }));
  EXPECT_EQ(rows_of(wire.server).size(), 2U);
}

TEST(Delivery, LetsWhatIsPropagatedWinInLongSpansToo) {
  Wire wire;
  auto span = wire.logger.start_span("long", {.propagated = {{"metadata", {{"user", "u1"}}}}});
  ASSERT_TRUE(eventually([&] { return wire.server.count("/logs3") == 1; }));
  span.log({.metadata = {{"user", "mine"}, {"k", 1}}});
  span.end();
  wire.logger.flush(long_enough);
  auto store = local::Store::open("");
  ASSERT_TRUE(store) << store.error().message;
  for (const auto& request : wire.server.requests("/logs3")) EXPECT_TRUE(store->write(request.body));
  EXPECT_EQ(Row::parse(*store->rows_json()).at(0)["metadata"], (Row{{"user", "u1"}, {"k", 1}}));
}

// --- deadlines, and many at once

TEST(Delivery, FlushReturnsWithACountWhenNobodyAnswers) {
  Wire wire;
  wire.server.on("/logs3", {{.deed = Deed::hang}});
  log_rows(wire.logger, 7);
  const FlushResult result = wire.logger.flush(milliseconds(200));
  EXPECT_EQ(result.pending, 7U);
  EXPECT_EQ(result.sent, 0U);
  EXPECT_EQ(wire.logger.flush(milliseconds(0)).pending, 7U);
  EXPECT_EQ(wire.logger.shutdown(milliseconds(100)).pending, 7U);
  EXPECT_EQ(wire.logger.stats().dropped.closed, 7U);
  expect_sum(wire.logger, 7);
}

TEST(Delivery, FlushCountsSinceTheLastFlush) {
  Backend backend;
  log_rows(backend.logger(), 3);
  EXPECT_EQ(backend.logger().flush(long_enough).sent, 3U);
  log_rows(backend.logger(), 2);
  EXPECT_EQ(backend.logger().flush(long_enough).sent, 2U);
  const FlushResult nothing = backend.logger().flush(long_enough);
  EXPECT_EQ(nothing.sent, 0U);
  EXPECT_TRUE(nothing.complete());
}

TEST(Delivery, IsNotHeldUpByThoseWhoKeepFlushing) {
  Wire wire;
  wire.server.on("/logs3", {{.deed = Deed::hang}});
  log_rows(wire.logger, 1);
  std::atomic<bool> over = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      while (!over) wire.logger.flush(milliseconds(1));
    });
  }
  wire.logger.shutdown(milliseconds(50));
  over = true;
  for (std::thread& thread : threads) thread.join();
  expect_sum(wire.logger, 1);
}

TEST(Delivery, OfAFlushDoesNotWaitForRowsThatComeAfterIt) {
  // While a request is answered, more rows come than it took away, so that the queue never empties.
  std::atomic<bool> over = false;
  Wire wire;
  wire.server.handle("/logs3", [&](const test::ServerRequest&) {
    for (int row = 0; row < 3000 && !over; ++row) wire.logger.start_span("more").end();
    return Answer{};
  });
  log_rows(wire.logger, 60'000);  // more than is held beyond the queue
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_GE(wire.logger.flush(test::long_enough).sent, 60'000U);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, test::long_enough);
  over = true;
}

TEST(Delivery, OfManyThreadsIsCompleteWhileOthersFlushAndShutDown) {
  constexpr int threads = 8, rounds = 200;
  Backend backend;
  std::atomic<int> logged = 0;
  std::atomic<bool> over = false;
  std::vector<std::thread> loggers;
  std::latch begun(threads);
  for (int t = 0; t < threads; ++t) {
    loggers.emplace_back([&] {
      begun.count_down();
      for (int i = 0; i < rounds; ++i) {
        auto outer = backend.logger().start_span("outer");
        auto inner = start_span("inner");
        inner.log({.input = i});
        logged += 2;
      }
    });
  }
  std::thread flusher([&] {
    while (!over) backend.logger().flush(milliseconds(1));
  });
  begun.wait();
  backend.logger().flush(long_enough);
  for (std::thread& thread : loggers) thread.join();
  EXPECT_EQ(backend.logger().flush(long_enough).pending, 0U);
  over = true;
  flusher.join();
  expect_sum(backend.logger(), static_cast<std::uint64_t>(logged));
  EXPECT_EQ(backend.stored_rows().size(), static_cast<std::size_t>(logged));

  // Now the door is shut in the middle.
  std::vector<std::thread> more;
  std::barrier ready(threads + 1);
  std::atomic<int> late = 0;
  for (int t = 0; t < threads; ++t) {
    more.emplace_back([&] {
      ready.arrive_and_wait();
      for (int i = 0; i < rounds; ++i) {
        auto span = backend.logger().start_span("late");
        ++late;
      }
    });
  }
  ready.arrive_and_wait();
  backend.logger().shutdown(long_enough);
  for (std::thread& thread : more) thread.join();
  const Stats stats = backend.logger().stats();
  EXPECT_EQ(stats.queued_rows, 0U);
  // A span that was open when the door was shut has been sent as it stood, and its end is one row more.
  const std::uint64_t shown = stats.sent_rows + stats.dropped.total() - static_cast<std::uint64_t>(logged + late);
  EXPECT_LE(shown, static_cast<std::uint64_t>(threads));
  EXPECT_LE(backend.stored_rows().size(), stats.sent_rows);
  EXPECT_GE(backend.stored_rows().size() + shown, stats.sent_rows);
}

// Updates are whole at once, so that the count is exact.
TEST(Delivery, CountsEachUpdateOnceThoughTheLoggerEndsAmongThem) {
  constexpr int threads = 8, rounds = 200;
  Backend backend;
  std::barrier ready(threads + 1);
  std::vector<std::thread> updaters;
  for (int t = 0; t < threads; ++t) {
    updaters.emplace_back([&, t] {
      ready.arrive_and_wait();
      for (int i = 0; i < rounds; ++i) backend.logger().update_span(std::to_string(t * rounds + i), {.output = i});
    });
  }
  ready.arrive_and_wait();
  backend.logger().shutdown(long_enough);
  for (std::thread& thread : updaters) thread.join();
  expect_sum(backend.logger(), std::uint64_t{threads} * rounds);
  EXPECT_EQ(backend.stored_rows().size(), backend.logger().stats().sent_rows);
}

TEST(Delivery, OfRowsThatComeDuringAShutdownHasTheTimeThatIsLeft) {
  Wire wire;
  int requests = 0;
  wire.server.handle("/logs3", [&](const ServerRequest&) {
    if (++requests == 1) wire.logger.start_span("late").end();
    return Answer{};
  });
  log_rows(wire.logger, 1);
  const FlushResult result = wire.logger.shutdown(long_enough);
  EXPECT_EQ(result.sent, 2U);
  EXPECT_EQ(result.pending, 0U);
}

TEST(Delivery, HasRoomAgainForWhatArrived) {
  Backend backend({.queue = {.max_bytes = 1 << 20}});
  for (int round = 0; round < 10; ++round) {
    backend.logger().log({.input = std::string(500'000, 'x')});
    ASSERT_TRUE(backend.logger().flush(long_enough).complete());
  }
  EXPECT_EQ(backend.logger().stats().sent_rows, 10U);
  expect_sum(backend.logger(), 10);
}

TEST(Delivery, DropsTheNewestAndCountsThemWhenTheQueueIsFull) {
  Told told;
  Logger logger = init_logger({.project = "p",
                               .api_key = "k",
                               .app_url = "http://127.0.0.1:" + std::to_string(test::free_port()),
                               .queue = {.max_bytes = 1 << 20, .max_rows = 1000}});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back([&] { log_rows(logger, 1000); });
  for (std::thread& thread : threads) thread.join();
  const Stats stats = logger.stats();
  EXPECT_LE(stats.queued_rows, 1000U + 2 * 64) << "rows may be counted here and there while they move";
  EXPECT_GT(stats.dropped.queue_full, 2500U);
  logger.flush(milliseconds(0));
  expect_sum(logger, 4000);
  logger.shutdown(milliseconds(0));
  expect_sum(logger, 4000);
}

// --- a masking function with a bad day, and handlers that call back

TEST(Delivery, OfMaskedRowsGoesOnWhenTheFunctionThrows) {
  set_masking_function([](const Row& value) -> Row {
    if (value == "secret") throw std::runtime_error("cannot");
    return value;
  });
  Backend backend;
  log_rows(backend.logger(), 3);
  backend.logger().log({.input = "secret"});
  log_rows(backend.logger(), 3);
  const auto rows = backend.rows();
  set_masking_function({});
  EXPECT_EQ(rows.size(), 7U);
  EXPECT_EQ(Row(rows).dump().find("secret"), std::string::npos);
  expect_sum(backend.logger(), 7);
}

TEST(Delivery, IsNotBlockedByAFunctionOfTheUsersThatFlushes) {
  Backend backend;
  std::atomic<int> flushes = 0;
  set_masking_function([&](const Row& value) {
    backend.logger().flush(std::chrono::hours(1));
    ++flushes;
    return value;
  });
  log_rows(backend.logger(), 1);
  EXPECT_TRUE(backend.logger().flush(long_enough).complete());
  set_masking_function({});
  EXPECT_GT(flushes, 0);
}

// --- one process, several loggers, one after the other

TEST(Delivery, OfLoggersThatReplaceEachOtherIsComplete) {
  Backend backend({.set_current = false});
  constexpr int loggers = 20;
  for (int i = 0; i < loggers; ++i) {
    const Logger logger = init_logger({.project = "p", .api_key = "k", .app_url = backend.url()});
    auto outer = start_span("outer");
    auto inner = start_span("inner");
  }
  EXPECT_TRUE(eventually([&] { return backend.stored_rows().size() >= 2 * (loggers - 1); }));
  current_logger().shutdown(long_enough);
  EXPECT_TRUE(eventually([&] { return backend.stored_rows().size() == 2 * loggers; }));
}

}  // namespace
}  // namespace braintrust
