// What a queue owes its threads, where a logger cannot be brought to the moment in question.

#include <braintrust/pipeline/queue.h>

#include <cstring>
#include <latch>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braintrust::pipeline {
namespace {

using testing::ElementsAre;

constexpr std::size_t record_bytes = 8;

void ignore(void*) {}

// As a logger's, a queue lives longer than the threads that push into it.
struct Fixture {
  static Fixture& make(Queue::Bounds bounds) {
    static std::vector<std::unique_ptr<Fixture>> all;
    return *all.emplace_back(std::make_unique<Fixture>(bounds));
  }
  explicit Fixture(Queue::Bounds bounds) : queue(bounds, held, ignore, nullptr) {}

  bool push(std::string_view text) {
    return queue.push(record_bytes, [&](char* out) { std::memcpy(out, text.data(), record_bytes); });
  }
  // What is in the queue, by record; it is given back.
  std::vector<std::string> take() {
    std::vector<std::string> records;
    for (Block* block = queue.collect(Queue::Collect::everything); block != nullptr;) {
      Block* const next = block->next;
      for (std::size_t at = 0; at < block->used; at += record_bytes) records.emplace_back(block->data() + at, record_bytes);
      queue.release(block);
      block = next;
    }
    return records;
  }

  Queue::Held held;
  Queue queue;
};

TEST(Queue, ThatIsEmptyTurnsNoThreadAwayHoweverManyThereAre) {
  constexpr int threads = 200;
  Fixture& fixture = Fixture::make({.max_rows = 1000});
  std::latch all_pushed(threads + 1);
  std::atomic<int> refused = 0;
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    std::latch pushed(1);
    running.emplace_back([&] {
      refused += fixture.push("a record") ? 0 : 1;
      pushed.count_down();
      all_pushed.arrive_and_wait();  // stays alive, with the rows it was granted
    });
    pushed.wait();
    (void)fixture.take();
  }
  all_pushed.count_down();
  for (std::thread& thread : running) thread.join();
  EXPECT_EQ(refused, 0);
}

TEST(Queue, NeverHoldsMoreRowsThanItsBound) {
  Fixture& fixture = Fixture::make({.max_rows = 100});
  int taken = 0;
  while (fixture.push("a record")) ++taken;
  EXPECT_EQ(taken, 100);
  EXPECT_EQ(fixture.queue.refused(), 1u);
  EXPECT_EQ(fixture.take().size(), 100u);
}

TEST(Queue, CollectsARecordWhoseThreadIsInTheMiddleOfItsNext) {
  Fixture& fixture = Fixture::make({});
  std::latch writing(1), go_on(1);
  std::thread other([&] {
    ASSERT_TRUE(fixture.push("record 1"));
    fixture.queue.push(record_bytes, [&](char* out) {
      writing.count_down();
      go_on.wait();
      std::memcpy(out, "record 2", record_bytes);
    });
  });
  writing.wait();
  fixture.queue.push_behind(record_bytes, [](char* out) { std::memcpy(out, "update 1", record_bytes); });
  std::thread release([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // collect is waiting by then, or will find it done
    go_on.count_down();
  });
  EXPECT_THAT(fixture.take(), ElementsAre("record 1", "record 2", "update 1"));
  release.join();
  other.join();
}

TEST(Queue, HasRoomAgainForWhatItGaveBack) {
  constexpr std::size_t large = 20'000;  // more than a block
  Fixture& fixture = Fixture::make({.max_bytes = 64 * 1024});
  for (int round = 0; round < 100; ++round) {
    ASSERT_TRUE(fixture.push("a record")) << round;
    ASSERT_TRUE(fixture.queue.push(large, [](char* out) { std::memset(out, 'x', large); })) << round;
    (void)fixture.take();
    ASSERT_EQ(fixture.queue.bytes(), 0u);
  }
}

TEST(Queue, GivesTheRecordsOfAThreadInTheirOrder) {
  Fixture& fixture = Fixture::make({});
  std::vector<std::string> pushed;
  for (int i = 0; i < 10'000; ++i) {  // several blocks
    pushed.push_back(std::to_string(10'000'000 + i));
    ASSERT_TRUE(fixture.push(pushed.back()));
  }
  EXPECT_EQ(fixture.take(), pushed);
}

TEST(Queue, WithoutABoundTakesRecords) {
  Fixture& fixture = Fixture::make({.max_bytes = std::numeric_limits<std::size_t>::max()});
  EXPECT_TRUE(fixture.push("a record"));
  EXPECT_EQ(fixture.take().size(), 1u);
}

}  // namespace
}  // namespace braintrust::pipeline
