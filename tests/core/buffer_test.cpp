// Buffers, and where their memory goes.

#include <braintrust/core/buffer.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <braintrust/core/json.h>

namespace braintrust::detail {
namespace {

Buffer filled(std::size_t size, char with = 'x') {
  Buffer buffer;
  buffer.append(std::string(size, with));
  return buffer;
}

// Runs on a thread of its own: nothing is in its store yet.
template <class Body>
void on_a_new_thread(Body body) {
  std::thread(body).join();
}

TEST(Buffer, HoldsWhatIsAppended) {
  Buffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), 0U) << "nothing is allocated before something is written";
  buffer.append(std::string_view());
  EXPECT_EQ(buffer.capacity(), 0U);
  std::string expected;
  for (int i = 0; i < 3'000; ++i) {
    buffer.append('c');
    buffer.append("text");
    std::memcpy(buffer.reserve(2), "ab", 2);
    buffer.advance(2);
    expected += "ctextab";
  }
  EXPECT_EQ(buffer.view(), expected);
  buffer.truncate(5);
  EXPECT_EQ(buffer.view(), "ctext");
  buffer.clear();
  EXPECT_EQ(buffer.view(), "");
  buffer.append("again");
  EXPECT_EQ(buffer.view(), "again");
}

TEST(Buffer, GrowsByDoublingSoThatAppendingStaysCheap) {
  Buffer buffer;
  int moves = 0;
  std::size_t capacity = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    buffer.append('x');
    if (buffer.capacity() != capacity) ++moves;
    capacity = buffer.capacity();
  }
  EXPECT_LE(moves, 12);
  EXPECT_LE(capacity, 2'200'000U);
}

TEST(Buffer, CopiesAndMoves) {
  Buffer a = filled(10);
  Buffer b = a;
  EXPECT_EQ(a.view(), b.view());
  EXPECT_NE(a.data(), b.data());
  const char* const data = a.data();
  Buffer c = std::move(a);
  EXPECT_EQ(c.data(), data);
  EXPECT_TRUE(a.empty());  // NOLINT: what is left is blank
  a.append("usable");
  EXPECT_EQ(a.view(), "usable");
  b = c;
  EXPECT_EQ(b.view(), c.view());
  Buffer& alias = b;
  b = alias;
  EXPECT_EQ(b.view(), std::string(10, 'x'));
  b = std::move(alias);
  EXPECT_EQ(b.view(), std::string(10, 'x'));
  b = filled(3, 'y');
  EXPECT_EQ(b.view(), "yyy");
  b.swap(c);
  EXPECT_EQ(c.view(), "yyy");
  Buffer none;
  b = none;
  EXPECT_EQ(b.view(), "");
}

// What is new has room for a kilobyte: more room than that is memory that was used before.
TEST(Buffer, TheNextOneUsesTheMemoryOfTheLast) {
  on_a_new_thread([] {
    EXPECT_LT(filled(1).capacity(), 5'000U);
    (void)filled(5'000);
    for (int round = 0; round < 100; ++round) {
      const Buffer next = filled(1'000);
      ASSERT_GE(next.capacity(), 5'000U);
      ASSERT_EQ(next.view(), std::string(1'000, 'x'));
    }
  });
}

TEST(Buffer, SeveralAtOnceAreRecycledToo) {
  on_a_new_thread([] {
    {
      std::vector<Buffer> some;
      for (int i = 0; i < 20; ++i) some.push_back(filled(5'000));
    }
    std::vector<Buffer> again;
    for (int i = 0; i < 20; ++i) {
      again.push_back(filled(1));
      EXPECT_GE(again.back().capacity(), 5'000U) << i;
    }
    EXPECT_LT(filled(1).capacity(), 5'000U) << "all are taken";
  });
}

TEST(Buffer, TakesAnotherWhereTheKeptOneIsTooSmall) {
  on_a_new_thread([] {
    (void)filled(100);
    const Buffer large = filled(50'000);
    EXPECT_EQ(large.view(), std::string(50'000, 'x'));
    EXPECT_GE(large.capacity(), 50'000U);
  });
}

TEST(Buffer, KeepsNoHugeMemory) {
  on_a_new_thread([] {
    (void)filled(10'000'000);
    EXPECT_LE(filled(100).capacity(), 64U * 1024);
  });
}

TEST(Buffer, MemoryJoinsTheStoreOfTheThreadThatDropsIt) {
  Buffer buffer = filled(5'000);
  on_a_new_thread([&buffer] {
    EXPECT_LT(filled(1).capacity(), 5'000U);
    { const Buffer taken = std::move(buffer); }
    EXPECT_GE(filled(1).capacity(), 5'000U);
  });
}

// What a thread's own objects do while it ends, before and after the store of buffers is closed. Leaks and use after free are
// for the sanitizers to see.
struct WritesAtExit {
  int number;
  ~WritesAtExit() {
    const Json last = {{"number", number}, {"pad", std::string(2'000, 'p')}};
    const Json copy = last;
    ended += copy.text().size() > 2'000 ? 1 : 0;
  }
  static inline int ended = 0;
};

TEST(Buffer, WorksInDestructorsOfThreadLocals) {
  on_a_new_thread([] {
    thread_local WritesAtExit before{1};  // destroyed after the store, which is armed below
    (void)before;
    const Json value = {{"a", 1}};
    EXPECT_EQ(value.text(), R"({"a":1})");
    { const Json dropped = {{"a", 2}}; }  // arms the store
    thread_local WritesAtExit after{2};
    (void)after;
  });
  EXPECT_EQ(WritesAtExit::ended, 2);
}

TEST(Buffer, WorksOnAThreadWhoseOnlyUseIsInADestructor) {
  WritesAtExit::ended = 0;
  on_a_new_thread([] {
    thread_local WritesAtExit only{1};
    (void)only;
  });
  EXPECT_EQ(WritesAtExit::ended, 1);
}

TEST(Buffer, MayOutliveItsThread) {
  Json kept;
  on_a_new_thread([&kept] { kept = {{"from", "a thread that has ended"}}; });
  EXPECT_EQ(kept.text(), R"({"from":"a thread that has ended"})");
}

}  // namespace
}  // namespace braintrust::detail
