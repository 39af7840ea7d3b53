// `with_context` for asio: real coroutines on a thread pool and on an io_context that two threads run.

#include <braintrust/trace/asio.h>

#if defined(ASIO_HAS_CO_AWAIT)

#include <asio.hpp>
#include <asio/experimental/awaitable_operators.hpp>

#include <atomic>
#include <barrier>
#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "trace/family.h"
#include "trace/prompted.h"

namespace braintrust {
namespace {

using asio::awaitable;
using asio::use_awaitable;
using std::chrono::microseconds;
using test::Backend;
using test::Family;
using test::is_current;

// To the end of the queue, from where either thread may take it.
awaitable<void> yield() { co_await asio::post(co_await asio::this_coro::executor, use_awaitable); }

awaitable<void> sleep(microseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(use_awaitable);
}

awaitable<std::unique_ptr<int>> search(std::string number, int result) {
  auto span = start_span("search " + number);
  co_await yield();
  start_span("index " + number).end();
  co_await sleep(microseconds(result % 7));
  EXPECT_TRUE(is_current(span));
  start_span("merge " + number).end();
  co_return std::make_unique<int>(result);
}

awaitable<void> request(int i, asio::io_context* native) {
  const std::string number = std::to_string(i);
  auto span = start_span("request " + number);
  EXPECT_EQ(*co_await search(number, i), i);
  EXPECT_TRUE(is_current(span));
  auto rank = start_span("rank " + number);
  for (int hop = 0; hop < 5; ++hop) {
    co_await yield();
    EXPECT_TRUE(is_current(rank));
  }
  if (native != nullptr) {  // a timer that knows nothing of our executor
    asio::steady_timer timer(*native, microseconds(i % 5));
    co_await timer.async_wait(use_awaitable);
    EXPECT_TRUE(is_current(rank));
  }
  {
    auto step = start_span("step " + number);
    co_await sleep(microseconds(i % 3));
    EXPECT_TRUE(is_current(step));
  }
  EXPECT_TRUE(is_current(rank));
  rank.end();
  EXPECT_TRUE(is_current(span));
  start_span("last " + number).end();
}

void expect_requests(const Family& family, int count, const std::string& root) {
  for (int i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    EXPECT_EQ(family.parent("request " + number), root);
    for (const std::string child : {"search ", "rank ", "last "}) EXPECT_EQ(family.parent(child + number), "request " + number);
    for (const std::string child : {"index ", "merge "}) EXPECT_EQ(family.parent(child + number), "search " + number);
    EXPECT_EQ(family.parent("step " + number), "rank " + number);
  }
}

// On every thread of the executor at once.
void expect_clean_threads(auto&& executor, int threads) {
  const auto all = std::make_shared<std::barrier<>>(threads + 1);
  for (int i = 0; i < threads; ++i) {
    asio::post(executor, [all] {
      EXPECT_FALSE(current_span());
      all->arrive_and_wait();
    });
  }
  all->arrive_and_wait();
}

// An io_context and the threads that run it.
class Loop {
 public:
  explicit Loop(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { io.run(); });
  }
  ~Loop() {
    work_.reset();
    for (auto& thread : threads_) thread.join();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  asio::io_context io;

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io);
  std::vector<std::thread> threads_;
};

// Runs it to its end, and passes its exception on.
template <class T>
T result_of(auto& executor, auto coroutine) {
  return asio::co_spawn(executor, std::move(coroutine), asio::use_future).get();
}

TEST(AsioWithContext, InterleavedRequestsOnAThreadPoolAreKeptApart) {
  Backend backend;
  constexpr int count = 150;
  asio::thread_pool pool(2);
  std::vector<std::future<void>> done;
  for (int i = 0; i < count; ++i) done.push_back(asio::co_spawn(pool, with_context(request(i, nullptr)), asio::use_future));
  for (auto& one : done) one.get();
  expect_clean_threads(pool, 2);
  pool.join();
  const Family family(backend.rows());
  EXPECT_EQ(family.size(), count * 7U);
  expect_requests(family, count, "");
}

TEST(AsioWithContext, InterleavedRequestsOnTwoThreadsOfAnIoContextAreKeptApart) {
  Backend backend;
  constexpr int count = 150;
  {
    Loop loop(2);
    auto server = start_span("server");
    std::vector<std::future<void>> done;
    for (int i = 0; i < count; ++i)
      done.push_back(asio::co_spawn(loop.io, with_context(request(i, &loop.io)), asio::use_future));
    EXPECT_TRUE(is_current(server));
    for (auto& one : done) one.get();
    expect_clean_threads(loop.io.get_executor(), 2);
    EXPECT_TRUE(is_current(server));
  }
  EXPECT_FALSE(current_span());
  expect_requests(Family(backend.rows()), count, "server");
}

TEST(AsioWithContext, OnAStrandToo) {
  Backend backend;
  constexpr int count = 30;
  asio::thread_pool pool(2);
  std::vector<std::future<void>> done;
  for (int i = 0; i < count; ++i) {
    done.push_back(asio::co_spawn(asio::make_strand(pool), with_context(request(i, nullptr)), asio::use_future));
  }
  for (auto& one : done) one.get();
  expect_clean_threads(pool, 2);
  pool.join();
  expect_requests(Family(backend.rows()), count, "");
}

TEST(AsioWithContext, MainMayRunTheLoopUnderASpanOfItsOwn) {
  Backend backend;
  asio::io_context io;
  {
    auto main_span = start_span("main");
    asio::co_spawn(io, with_context(request(0, &io)), asio::detached);
    // Nobody wrapped this one.
    asio::co_spawn(
        io,
        []() -> awaitable<void> {
          auto span = start_span("bare");
          co_await with_context(yield());
          EXPECT_TRUE(is_current(span));
        },
        asio::detached);
    bool looked = false;
    asio::post(io, [&] {
      looked = true;
      EXPECT_TRUE(is_current(main_span));
    });
    io.run();
    EXPECT_TRUE(looked);
    EXPECT_TRUE(is_current(main_span));
    start_span("after").end();
  }
  EXPECT_FALSE(current_span());
  const Family family(backend.rows());
  EXPECT_EQ(family.parent("after"), "main");
  EXPECT_EQ(family.parent("bare"), "main");
  expect_requests(family, 1, "main");
}

TEST(AsioWithContext, TheSpansOfACoroutineThatWaitsLeaveItsThread) {
  Backend backend;
  std::latch waiting(1);
  Loop loop(1);
  asio::steady_timer gate(loop.io, asio::steady_timer::time_point::max());
  auto done = asio::co_spawn(
      loop.io,
      [&]() -> awaitable<void> {
        auto span = start_span("outer");
        co_await with_context([](asio::steady_timer& timer, std::latch& arrived) -> awaitable<void> {
          auto inner = start_span("inner");
          arrived.count_down();
          asio::error_code cancelled;
          co_await timer.async_wait(asio::redirect_error(use_awaitable, cancelled));
          EXPECT_TRUE(is_current(inner));
        }(gate, waiting));
        EXPECT_TRUE(is_current(span));
        start_span("late").end();
      },
      asio::use_future);
  waiting.wait();
  expect_clean_threads(loop.io.get_executor(), 1);
  asio::post(loop.io, [&] { gate.cancel(); });
  done.get();
  expect_clean_threads(loop.io.get_executor(), 1);
  const Family family(backend.rows());
  EXPECT_EQ(family.parent("inner"), "outer");
  EXPECT_EQ(family.parent("late"), "outer");
}

TEST(AsioWithContext, ACoroutineWithoutItGoesOnOnTheStackOfItsThread) {
  Backend backend;
  asio::io_context io;
  bool looked = false;
  asio::co_spawn(
      io,
      [&]() -> awaitable<void> {
        auto span = start_span("bare");
        co_await with_context(yield());  // whose last part calls us
        co_await yield();
        EXPECT_TRUE(is_current(span));
        looked = true;
      },
      asio::detached);
  io.run();
  EXPECT_TRUE(looked);
}

TEST(AsioWithContext, NestedTasksBeginUnderTheSpanThatAwaitsThem) {
  Backend backend;
  Loop loop(2);
  for (int depth : {0, 1}) {
    const std::string number = std::to_string(depth);
    result_of<void>(loop.io, with_context([](std::string n) -> awaitable<void> {
                      auto span = start_span("a " + n);
                      co_await yield();
                      co_await with_context([](std::string m) -> awaitable<void> {
                        auto inner = start_span("b " + m);
                        co_await yield();
                        co_await with_context(sleep(microseconds(1)));
                        EXPECT_TRUE(is_current(inner));
                        start_span("c " + m).end();
                      }(n));
                      EXPECT_TRUE(is_current(span));
                      co_await yield();
                      EXPECT_TRUE(is_current(span));
                    }(number)));
  }
  expect_clean_threads(loop.io.get_executor(), 2);
  const Family family(backend.rows());
  EXPECT_EQ(family.parent("b 1"), "a 1");
  EXPECT_EQ(family.parent("c 1"), "b 1");
}

TEST(AsioWithContext, WhatACoroutineSpawnsBeginsUnderItsSpanAndIsKeptApart) {
  Backend backend;
  constexpr int count = 60;
  asio::thread_pool pool(2);
  const auto spawner = [](int i) -> awaitable<void> {
    const std::string number = std::to_string(i);
    auto span = start_span("spawner " + number);
    auto executor = co_await asio::this_coro::executor;
    const auto child = [](std::string name) -> awaitable<void> {
      auto mine = start_span(name);
      for (int hop = 0; hop < 3; ++hop) {
        co_await yield();
        EXPECT_TRUE(is_current(mine));
      }
      start_span("in " + name).end();
    };
    using namespace asio::experimental::awaitable_operators;
    auto plain = asio::co_spawn(executor, child("plain " + number), use_awaitable);
    auto wrapped = asio::co_spawn(executor, with_context(child("wrapped " + number)), use_awaitable);
    co_await (std::move(plain) && std::move(wrapped));
    EXPECT_TRUE(is_current(span));
    co_await (child("left " + number) && with_context(child("right " + number)));
    EXPECT_TRUE(is_current(span));
    start_span("last " + number).end();
  };
  std::vector<std::future<void>> done;
  for (int i = 0; i < count; ++i) done.push_back(asio::co_spawn(pool, with_context(spawner(i)), asio::use_future));
  for (auto& one : done) one.get();
  expect_clean_threads(pool, 2);
  pool.join();
  const Family family(backend.rows());
  for (int i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    for (const std::string name : {"plain ", "wrapped ", "left ", "right "}) {
      EXPECT_EQ(family.parent(name + number), "spawner " + number);
      EXPECT_EQ(family.parent("in " + name + number), name + number);
    }
    EXPECT_EQ(family.parent("last " + number), "spawner " + number);
  }
}

TEST(AsioWithContext, ExceptionsPassAndTheCatcherHasItsSpan) {
  Backend backend;
  Loop loop(2);
  const auto fails = []() -> awaitable<std::unique_ptr<int>> {
    auto span = start_span("fails");
    co_await yield();
    throw std::logic_error("no result");
  };
  EXPECT_THROW(result_of<std::unique_ptr<int>>(loop.io, with_context(fails())), std::logic_error);
  result_of<void>(loop.io, with_context([](auto inner) -> awaitable<void> {
                    auto span = start_span("catches");
                    bool caught = false;
                    try {
                      co_await with_context(inner());
                    } catch (const std::logic_error&) {
                      caught = true;
                      EXPECT_TRUE(is_current(span));
                    }
                    EXPECT_TRUE(caught);
                    co_await yield();
                    EXPECT_TRUE(is_current(span));
                  }(fails)));
  expect_clean_threads(loop.io.get_executor(), 2);
}

TEST(AsioWithContext, CancellationReachesTheInnerCoroutine) {
  Backend backend;
  Loop loop(1);
  for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::total}) {
    asio::cancellation_signal signal;
    std::latch waiting(1);
    auto done = asio::co_spawn(
        loop.io,
        [&]() -> awaitable<void> {
          co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
          auto span = start_span("outer");
          try {
            co_await with_context([](std::latch& arrived) -> awaitable<void> {
              asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
              arrived.count_down();
              co_await timer.async_wait(use_awaitable);
            }(waiting));
            ADD_FAILURE() << "was not cancelled";
          } catch (const asio::system_error& error) {
            EXPECT_EQ(error.code(), asio::error::operation_aborted);
          }
          EXPECT_TRUE(is_current(span));
        },
        asio::bind_cancellation_slot(signal.slot(), asio::use_future));
    waiting.wait();
    asio::post(loop.io, [&] { signal.emit(type); });
    done.get();
  }
  expect_clean_threads(loop.io.get_executor(), 1);
}

TEST(AsioWithContext, WhetherCancellationThrowsIsTheCallersWish) {
  Backend backend;
  asio::cancellation_signal signal;
  std::latch waiting(1);
  Loop loop(1);
  auto done = asio::co_spawn(
      loop.io,
      [&]() -> awaitable<void> {
        co_await asio::this_coro::throw_if_cancelled(false);
        co_await with_context([](std::latch& arrived) -> awaitable<void> {
          asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
          arrived.count_down();
          asio::error_code code;
          co_await timer.async_wait(asio::redirect_error(use_awaitable, code));
          EXPECT_EQ(code, asio::error::operation_aborted);
          co_await yield();
        }(waiting));
      },
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  waiting.wait();
  asio::post(loop.io, [&] { signal.emit(asio::cancellation_type::terminal); });
  done.get();
}

TEST(AsioWithContext, ACoroutineThatSpawnsOneKeepsItsOwnSpan) {
  Backend backend;
  asio::io_context io;
  asio::co_spawn(
      io,
      [&]() -> awaitable<void> {
        auto span = start_span("spawner");
        // Begins at once, on this thread.
        asio::co_spawn(io, with_context([]() -> awaitable<void> {
                         auto mine = start_span("spawned");
                         co_await yield();
                         EXPECT_TRUE(is_current(mine));
                       }()),
                       asio::detached);
        EXPECT_TRUE(is_current(span));
        start_span("next").end();
        co_return;
      },
      asio::detached);
  io.run();
  EXPECT_FALSE(current_span());
  const Family family(backend.rows());
  EXPECT_EQ(family.parent("spawned"), "spawner");
  EXPECT_EQ(family.parent("next"), "spawner");
}

// An operation of a callback library: it completes on a thread of its own, through the handler's executor, and the coroutine
// goes on before the thread that started it has left it.
auto call_back(std::thread& thread, std::shared_ptr<std::latch> resumed) {
  return asio::async_initiate<decltype(use_awaitable), void(int)>(
      [&thread, resumed](auto handler) {
        const auto kept = resumed;  // this function is gone once the coroutine goes on
        const auto started = std::make_shared<std::latch>(1);
        auto work = asio::make_work_guard(asio::get_associated_executor(handler));
        thread = std::thread([started, handler = std::move(handler), work = std::move(work)]() mutable {
          started->wait();
          asio::dispatch(work.get_executor(), [handler = std::move(handler)]() mutable { std::move(handler)(7); });
        });
        started->count_down();
        kept->wait();
      },
      use_awaitable);
}

TEST(AsioWithContext, AnOperationThatEndsOnAThreadOfItsOwnResumesUnderTheSpan) {
  Backend backend;
  std::thread thread;
  Loop loop(2);
  result_of<void>(loop.io, with_context([](std::thread& elsewhere) -> awaitable<void> {
                    const auto here = std::make_shared<std::latch>(1);
                    auto span = start_span("span");
                    EXPECT_EQ(co_await call_back(elsewhere, here), 7);
                    EXPECT_TRUE(is_current(span));
                    here->count_down();
                    co_await yield();
                    EXPECT_TRUE(is_current(span));
                  }(thread)));
  thread.join();
  expect_clean_threads(loop.io.get_executor(), 2);
}

// One that keeps no work, and ends after the coroutine has left its thread.
auto call_back_late(std::thread& thread, std::latch& left) {
  return asio::async_initiate<decltype(use_awaitable), void(int)>(
      [&thread, &left](auto handler) {
        thread = std::thread([handler = std::move(handler), &left]() mutable {
          left.wait();
          const auto executor = asio::get_associated_executor(handler);
          asio::post(executor, [handler = std::move(handler)]() mutable { std::move(handler)(8); });
        });
      },
      use_awaitable);
}

TEST(AsioWithContext, AnOperationThatKeepsNoWorkResumesUnderWhatTheTaskLeft) {
  Backend backend;
  std::thread thread;
  std::latch left(1);
  Loop loop(1);
  result_of<void>(loop.io, with_context([](std::thread& elsewhere, std::latch& after, asio::io_context& io) -> awaitable<void> {
                    auto span = start_span("span");
                    asio::post(io, [&after] { after.count_down(); });
                    EXPECT_EQ(co_await call_back_late(elsewhere, after), 8);
                    EXPECT_TRUE(is_current(span));
                  }(thread, left, loop.io)));
  thread.join();
}

TEST(AsioWithContext, CompletionsThatRunInlineDoNotPileUp) {
  Backend backend;
  asio::io_context io;
  asio::co_spawn(io, with_context([]() -> awaitable<void> {
                   auto span = start_span("span");
                   for (int i = 0; i < 20'000; ++i) {
                     co_await with_context([]() -> awaitable<void> { co_return; }());
                   }
                   EXPECT_TRUE(is_current(span));
                 }()),
                 asio::detached);
  io.run();
  EXPECT_FALSE(current_span());
}

TEST(AsioWithContext, ALoopDestroyedWithCoroutinesInItDestroysTheirSpans) {
  Backend backend;
  {
    asio::io_context io;
    asio::co_spawn(
        io,
        []() -> awaitable<void> {
          auto span = start_span("outer");
          co_await with_context([]() -> awaitable<void> {
            auto inner = start_span("inner");
            asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
            co_await never.async_wait(use_awaitable);
          }());
        },
        asio::detached);
    io.poll();
    EXPECT_FALSE(current_span());
  }
  EXPECT_FALSE(current_span());
  EXPECT_EQ(Family(backend.rows()).parent("inner"), "outer");
}

TEST(AsioWithContext, APromptThatIsTracedGoesAlong) {
  Backend backend;
  Loop loop(2);
  const auto ask = [](std::string name) -> awaitable<void> {
    for (int hop = 0; hop < 5; ++hop) co_await yield();
    test::call_model(name);
  };
  {
    auto scope = test::trace_prompt("p");
    result_of<void>(loop.io, with_context(ask("spawned in scope")));
  }
  const auto agent = [](auto question) -> awaitable<void> {
    {
      auto scope = test::trace_prompt("q");
      co_await question("below");
      co_await yield();
      test::call_model("in scope");
    }
    co_await yield();
    test::call_model("after scope");
  };
  result_of<void>(loop.io, with_context(agent(ask)));
  const auto rows = backend.rows();
  EXPECT_EQ(test::prompt_of(rows, "spawned in scope"), "p");
  EXPECT_EQ(test::prompt_of(rows, "below"), "q");
  EXPECT_EQ(test::prompt_of(rows, "in scope"), "q");
  EXPECT_EQ(test::prompt_of(rows, "after scope"), "");
}

TEST(AsioWithContext, WithoutALoggerItOnlyAwaits) {
  Loop loop(2);
  const auto answer = []() -> awaitable<std::unique_ptr<int>> {
    co_await with_context(yield());
    co_return std::make_unique<int>(4);
  };
  EXPECT_EQ(*result_of<std::unique_ptr<int>>(loop.io, with_context(answer())), 4);
}

TEST(ContextExecutor, IsAnExecutorOfAsioWithTheSpansOfItsMaker) {
  static_assert(asio::execution::is_executor<ContextExecutor>::value);
  static_assert(std::is_convertible_v<ContextExecutor, asio::any_io_executor>);
  Backend backend;
  asio::io_context io;
  SpanId id;
  std::unique_ptr<ContextExecutor> executor;
  {
    auto parent = start_span("parent");
    id = parent.span_id();
    executor = std::make_unique<ContextExecutor>(io.get_executor());
  }
  auto copy = *executor;
  EXPECT_TRUE(copy == *executor);
  EXPECT_TRUE(copy != ContextExecutor(io.get_executor()));
  EXPECT_EQ(&asio::query(copy, asio::execution::context), &io);
  EXPECT_TRUE(asio::query(asio::require(copy, asio::execution::blocking.never), asio::execution::blocking) ==
              asio::execution::blocking.never);
  int ran = 0;
  asio::steady_timer timer(io, microseconds(1));
  timer.async_wait(asio::bind_executor(copy, [&](asio::error_code) {
    ++ran;
    EXPECT_EQ(current_span().span_id(), id);
    auto first = start_span("first");
    asio::post(copy, [&, of = first.span_id(), keep = std::make_shared<Span>(std::move(first))] {
      ++ran;
      EXPECT_EQ(current_span().span_id(), of);
    });
    auto held = start_span("held");
    asio::dispatch(copy, [&] {
      ++ran;
      EXPECT_TRUE(is_current(held));
      start_span("inline").end();
    });
    EXPECT_TRUE(is_current(held));
  }));
  io.run();
  EXPECT_EQ(ran, 3);
  EXPECT_FALSE(current_span());
  EXPECT_EQ(Family(backend.rows()).parent("inline"), "held");
}

}  // namespace
}  // namespace braintrust

#endif
