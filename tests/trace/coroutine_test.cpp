// `with_context` around the awaits of coroutines of any kind.

#include <braintrust/trace/coroutine.h>

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "trace/context_stack.h"
#include "trace/family.h"
#include "trace/prompted.h"

namespace braintrust {
namespace {

using test::Backend;
using test::Family;
using test::is_current;

// A lazy task: starts when it is awaited, resumes its awaiter when it is done, both by symmetric transfer.
template <class T>
class Task;

struct TaskPromiseBase {
  std::coroutine_handle<> waiting = std::noop_coroutine();
  std::exception_ptr failure;

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) noexcept {
      return done.promise().waiting;
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() { failure = std::current_exception(); }
};
template <class T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  void return_value(T result) { value.emplace(std::move(result)); }
  T take() { return std::move(*value); }
};
template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object();
  void return_void() {}
  void take() {}
};

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = TaskPromise<T>;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    std::coroutine_handle<promise_type> task;
    bool await_ready() { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) {
      task.promise().waiting = waiting;
      return task;
    }
    T await_resume() {
      if (task.promise().failure) std::rethrow_exception(task.promise().failure);
      return task.promise().take();
    }
  };
  Awaiter operator co_await() && { return {handle_}; }

  // For plain functions.
  void start() { handle_.resume(); }
  bool done() const { return handle_.done(); }

 private:
  std::coroutine_handle<promise_type> handle_;
};
template <class T>
Task<T> TaskPromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
Task<void> TaskPromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

// One thread and what it has to do.
class Worker {
 public:
  Worker() : thread_([this] { work(); }) {}
  ~Worker() {
    push(nullptr);
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void push(std::function<void()> fn) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(fn));
    }
    wake_.notify_one();
  }
  // Runs it there, and waits.
  void call(const std::function<void()>& fn) {
    const auto done = std::make_shared<std::latch>(1);
    push([&fn, done] {
      fn();
      done->count_down();
    });
    done->wait();
  }
  std::thread::id id() const { return thread_.get_id(); }
  bool is_clean() {
    bool clean = false;
    call([&] { clean = !current_span(); });
    return clean;
  }

 private:
  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !queue_.empty(); });
      const std::function<void()> fn = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      if (!fn) return;
      fn();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  std::thread thread_;
};

// `co_await Hop{worker}` goes on there.
struct Hop {
  Worker& worker;
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    worker.push([waiting] { waiting.resume(); });
  }
  std::thread::id await_resume() { return std::this_thread::get_id(); }
};

// Awaits on its own account, and frees itself; `done` says when the awaitable is.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<> handle;
  void start() const { handle.resume(); }
};
using Done = std::shared_ptr<std::latch>;
Done one() { return std::make_shared<std::latch>(1); }

template <class Awaitable>
Detached finish(Awaitable awaitable, Done done) {
  co_await std::move(awaitable);
  done->count_down();
}
// Starts on this thread, and waits for the end.
template <class Awaitable>
void sync_wait(Awaitable awaitable) {
  const Done done = one();
  finish(std::move(awaitable), done).start();
  done->wait();
}
// Starts on the worker, and waits for the end.
template <class Awaitable>
void run_on(Worker& worker, Awaitable awaitable) {
  const Done done = one();
  worker.push([task = finish(std::move(awaitable), done)] { task.start(); });
  done->wait();
}

Task<> step(std::string name, Worker& to) {
  auto span = start_span(name);
  co_await with_context(Hop{to});
  EXPECT_TRUE(is_current(span));
  start_span("in " + name).end();
}

Task<> request(std::string number, Worker& a, Worker& b) {
  auto span = start_span("request " + number);
  co_await with_context(step("first " + number, b));
  EXPECT_TRUE(is_current(span));
  auto between = start_span("between " + number);
  EXPECT_EQ(co_await with_context(Hop{a}), a.id());
  EXPECT_TRUE(is_current(between));
  co_await with_context(step("second " + number, b));
  EXPECT_TRUE(is_current(between));
  between.end();
  EXPECT_TRUE(is_current(span));
}

void expect_request(const Family& family, const std::string& number) {
  EXPECT_EQ(family.parent("first " + number), "request " + number);
  EXPECT_EQ(family.parent("in first " + number), "first " + number);
  EXPECT_EQ(family.parent("between " + number), "request " + number);
  EXPECT_EQ(family.parent("second " + number), "between " + number);
  EXPECT_EQ(family.parent("in second " + number), "second " + number);
}

TEST(WithContext, ACoroutineKeepsItsSpansFromThreadToThread) {
  Backend backend;
  Worker a, b;
  run_on(a, request("1", a, b));
  EXPECT_TRUE(a.is_clean());
  EXPECT_TRUE(b.is_clean());
  const Family family(backend.rows());
  EXPECT_EQ(family.parent("request 1"), "");
  expect_request(family, "1");
}

TEST(WithContext, ManyCoroutinesOnTwoThreadsAreKeptApart) {
  Backend backend;
  constexpr int requests = 150;
  {
    Worker a, b;
    const Done done = std::make_shared<std::latch>(requests);
    for (int i = 0; i < requests; ++i) {
      (i % 2 == 0 ? a : b).push([task = finish(request(std::to_string(i), a, b), done)] { task.start(); });
    }
    done->wait();
    EXPECT_TRUE(a.is_clean());
    EXPECT_TRUE(b.is_clean());
  }
  const Family family(backend.rows());
  for (int i = 0; i < requests; ++i) {
    EXPECT_EQ(family.parent("request " + std::to_string(i)), "");
    expect_request(family, std::to_string(i));
  }
}

TEST(WithContext, ATaskThatSuspendsByAPlainAwaitLeavesNoLoanBehind) {
  Backend backend;
  Worker a, b;
  run_on(a, [](Worker& to) -> Task<> {
    auto span = start_span("outer");
    co_await with_context([](Worker& there) -> Task<> {
      start_span("inner").end();
      co_await Hop{there};  // not wrapped
    }(to));
    EXPECT_TRUE(is_current(span));
  }(b));
  EXPECT_TRUE(a.is_clean());
  EXPECT_EQ(Family(backend.rows()).parent("inner"), "outer");
}

TEST(WithContext, ThePlainFunctionThatStartsACoroutineKeepsItsSpan) {
  Backend backend;
  Worker a, b;
  {
    auto main_span = start_span("main");
    sync_wait(request("1", a, b));
    EXPECT_TRUE(is_current(main_span));
    sync_wait(with_context(request("2", a, b)));
    EXPECT_TRUE(is_current(main_span));
    sync_wait([](Worker& to) -> Task<> {
      co_await with_context(Hop{to});
      start_span("after the hop").end();
    }(a));
    start_span("after").end();
  }
  EXPECT_TRUE(a.is_clean());
  EXPECT_TRUE(b.is_clean());
  EXPECT_FALSE(current_span());
  const Family family(backend.rows());
  for (const std::string name : {"request 1", "request 2", "after", "after the hop"}) EXPECT_EQ(family.parent(name), "main");
  expect_request(family, "1");
  expect_request(family, "2");
}

TEST(WithContext, ACoroutineStartedInABoundFunctionLeavesTheCallersSpans) {
  Backend backend;
  Worker a;
  run_on(a, [](Worker& to) -> Task<> {
    auto span = start_span("starter");
    Worker other;
    const Done done = one();
    auto background = finish(
        [](Worker& there) -> Task<> {
          auto mine = start_span("background");
          co_await with_context(Hop{there});
          start_span("in background").end();
        }(other),
        done);
    bind_context([&] { background.start(); })();
    EXPECT_TRUE(is_current(span));
    done->wait();
    co_await with_context(Hop{to});
    EXPECT_TRUE(is_current(span));
  }(a));
  EXPECT_TRUE(a.is_clean());
  const Family family(backend.rows());
  EXPECT_EQ(family.parent("background"), "starter");
  EXPECT_EQ(family.parent("in background"), "background");
}

TEST(WithContext, ABoundFunctionThatResumesACoroutineIsCleanAfterwards) {
  Backend backend;
  auto main_span = start_span("main");
  std::coroutine_handle<> waiting;
  struct Store {
    std::coroutine_handle<>& to;
    bool await_ready() { return false; }
    void await_suspend(std::coroutine_handle<> handle) { to = handle; }
    void await_resume() {}
  };
  auto task = [](std::coroutine_handle<>& to) -> Task<> {
    auto span = start_span("step");
    co_await with_context(Store{to});
    EXPECT_TRUE(is_current(span));
  }(waiting);
  task.start();
  EXPECT_TRUE(is_current(main_span));
  auto resume = [] {
    auto other = start_span("other", {.set_current = false});
    const ContextScope scope(other.handle());
    return bind_context([](std::coroutine_handle<> handle) { handle.resume(); });
  }();
  std::thread([&] {
    resume(waiting);
    EXPECT_FALSE(current_span());
  }).join();
  EXPECT_TRUE(task.done());
}

// Each way in which an awaiter can answer.
struct Ready {
  bool await_ready() { return true; }
  void await_suspend(std::coroutine_handle<>) { FAIL(); }
  int await_resume() { return 1; }
};
struct Declines {
  bool await_ready() { return false; }
  bool await_suspend(std::coroutine_handle<>) { return false; }
  int await_resume() { return 2; }
};
struct TransfersBack {
  bool await_ready() { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) { return waiting; }
  int await_resume() { return 3; }
};
struct ResumesInline {
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> waiting) { waiting.resume(); }
  int await_resume() { return 4; }
};
struct SuspendsWithBool {
  Worker& worker;
  bool await_ready() { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    worker.push([waiting] { waiting.resume(); });
    return true;
  }
  int await_resume() { return 5; }
};
struct TransfersToNothing {
  Worker& worker;
  bool await_ready() { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) {
    worker.push([waiting] { waiting.resume(); });
    return std::noop_coroutine();
  }
  int await_resume() { return 6; }
};
// The coroutine goes on elsewhere, up to its next suspension, before this returns.
struct ResumesElsewhereFirst {
  Worker& worker;
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    worker.call([waiting] { waiting.resume(); });
  }
  int await_resume() { return 7; }
};
struct ByMember {
  Ready operator co_await() && { return {}; }
};
struct ByFreeFunction {};
Declines operator co_await(ByFreeFunction&&) { return {}; }
struct OnlyMoved {
  bool await_ready() { return true; }
  void await_suspend(std::coroutine_handle<>) {}
  std::unique_ptr<int> await_resume() { return std::make_unique<int>(8); }
};
struct GivesReference {
  int& value;
  bool await_ready() { return true; }
  void await_suspend(std::coroutine_handle<>) {}
  int& await_resume() { return value; }
};

// A coroutine that is about to wait, on `a`, until `go`; what `a` runs next; then its end on `b`.
template <class Awaitable>
void expect_nothing_left(std::string name) {
  Worker a, b;
  std::latch go(1);
  const Done done = one();
  b.push([&] { go.wait(); });
  auto task = finish(
      [](std::string of, Worker& to) -> Task<> {
        auto span = start_span(of);
        co_await with_context(Awaitable{to});
        EXPECT_TRUE(is_current(span));
      }(name, b),
      done);
  a.push([task] { task.start(); });
  a.call([&] {
    EXPECT_FALSE(current_span());
    start_span("after " + name).end();
  });
  go.count_down();
  done->wait();
}

TEST(WithContext, WhatTheThreadRunsNextHasNoneOfTheSpans) {
  Backend backend;
  expect_nothing_left<Hop>("void");
  expect_nothing_left<SuspendsWithBool>("bool");
  expect_nothing_left<TransfersToNothing>("handle");
  const Family family(backend.rows());
  for (const std::string name : {"void", "bool", "handle"}) EXPECT_EQ(family.parent("after " + name), "");
}

TEST(WithContext, EachKindOfAwaiterKeepsTheSpan) {
  Backend backend;
  Worker a, b;
  run_on(a, [](Worker& there, Worker& back) -> Task<> {
    auto span = start_span("span");
    const SpanId id = span.span_id();
    const auto kept = [id] { return current_span().span_id() == id; };
    EXPECT_EQ(co_await with_context(Ready()), 1);
    EXPECT_TRUE(kept());
    EXPECT_EQ(co_await with_context(Declines()), 2);
    EXPECT_TRUE(kept());
    EXPECT_EQ(co_await with_context(TransfersBack()), 3);
    EXPECT_TRUE(kept());
    EXPECT_EQ(co_await with_context(ResumesInline()), 4);
    EXPECT_TRUE(kept());
    EXPECT_EQ(co_await with_context(SuspendsWithBool{there}), 5);
    EXPECT_TRUE(kept());
    EXPECT_EQ(co_await with_context(TransfersToNothing{back}), 6);
    EXPECT_TRUE(kept());
    EXPECT_EQ(co_await with_context(ResumesElsewhereFirst{there}), 7);
    EXPECT_TRUE(kept());
    EXPECT_EQ(co_await with_context(ByMember()), 1);
    EXPECT_EQ(co_await with_context(ByFreeFunction()), 2);
    EXPECT_TRUE(kept());
    Declines variable;
    EXPECT_EQ(co_await with_context(variable), 2);
    EXPECT_EQ(*co_await with_context(OnlyMoved()), 8);
    int value = 9;
    int& same = co_await with_context(GivesReference{value});
    EXPECT_EQ(&same, &value);
    EXPECT_TRUE(kept());
  }(b, a));
  EXPECT_TRUE(a.is_clean());
  EXPECT_TRUE(b.is_clean());
}

// Wherever an awaitable throws, the coroutine that catches it has its span.
enum class Where { ready, suspend, resume };
struct Throws {
  Where where;
  Worker& worker;
  bool await_ready() {
    if (where == Where::ready) throw std::runtime_error("ready");
    return false;
  }
  bool await_suspend(std::coroutine_handle<> waiting) {
    if (where == Where::suspend) throw std::runtime_error("suspend");
    worker.push([waiting] { waiting.resume(); });
    return true;
  }
  void await_resume() { throw std::runtime_error("resume"); }
};

TEST(WithContext, AnAwaitableThatThrowsFindsTheSpanInPlace) {
  Backend backend;
  Worker a, b;
  run_on(a, [](Worker& to) -> Task<> {
    auto span = start_span("span");
    for (const Where where : {Where::ready, Where::suspend, Where::resume}) {
      std::string caught;
      try {
        co_await with_context(Throws{where, to});
      } catch (const std::runtime_error& error) {
        caught = error.what();
        EXPECT_TRUE(is_current(span)) << caught;
      }
      EXPECT_NE(caught, "");
    }
    bool thrown = false;
    try {
      co_await with_context([](Worker& there) -> Task<> {
        auto inner = start_span("inner");
        co_await with_context(Hop{there});
        throw std::logic_error("from the task");
      }(to));
    } catch (const std::logic_error&) {
      thrown = true;
      EXPECT_TRUE(is_current(span));
    }
    EXPECT_TRUE(thrown);
  }(b));
  EXPECT_TRUE(a.is_clean());
  EXPECT_TRUE(b.is_clean());
}

TEST(WithContext, ACoroutineDestroyedWhileItWaitsTakesItsSpansWithIt) {
  Backend backend;
  struct Never {
    bool await_ready() { return false; }
    void await_suspend(std::coroutine_handle<>) {}
    void await_resume() {}
  };
  {
    auto task = []() -> Task<> {
      auto span = start_span("span", {.propagated = {{"metadata", {{"k", 1}}}}});
      co_await with_context([]() -> Task<> {
        auto inner = start_span("inner");
        co_await with_context(Never());
      }());
    }();
    task.start();
    EXPECT_FALSE(current_span());
  }
  EXPECT_FALSE(current_span());
  EXPECT_EQ(Family(backend.rows()).parent("inner"), "span");
}

TEST(WithContext, AScopeInACoroutineGoesAlong) {
  Backend backend;
  Worker a, b;
  auto aside = start_span("aside", {.set_current = false});
  run_on(a, [](Worker& to, const Span& span) -> Task<> {
    const ContextScope scope(span.handle());
    co_await with_context(Hop{to});
    EXPECT_TRUE(is_current(span));
  }(b, aside));
  EXPECT_TRUE(a.is_clean());
  EXPECT_TRUE(b.is_clean());
}

TEST(WithContext, ASpanMovedIntoACoroutineGoesAlong) {
  Backend backend;
  Worker a, b;
  run_on(a, [](Worker& to) -> Task<> {
    std::optional<Span> span;
    span.emplace(start_span("moved"));
    Span assigned;
    assigned = start_span("assigned");
    co_await with_context(Hop{to});
    EXPECT_TRUE(is_current(assigned));
    assigned.end();
    EXPECT_TRUE(is_current(*span));
  }(b));
  EXPECT_TRUE(a.is_clean());
  EXPECT_TRUE(b.is_clean());
}

TEST(WithContext, CoroutinesOfATaskContextStayOnIt) {
  Backend backend;
  Worker worker;
  TaskContext task;
  const Done done = one();
  auto coroutine = finish(
      [](Worker& to) -> Task<> {
        auto span = start_span("span");
        co_await with_context(Hop{to});
        EXPECT_TRUE(is_current(span));
      }(worker),
      done);
  {
    const TaskContext::Scope scope(task);
    auto plain = start_span("plain");
    coroutine.start();
    EXPECT_TRUE(is_current(plain));
  }
  EXPECT_FALSE(current_span());
  done->wait();
  EXPECT_TRUE(worker.is_clean());
}

TEST(WithContext, ALongRunOfCoroutinesLeavesNothingToSearch) {
  Backend backend;
  Worker a;
  auto first = start_span("first");
  for (int i = 0; i < 300; ++i) {
    auto second = start_span("second");
    sync_wait([](Worker& to) -> Task<> { co_await with_context(Hop{to}); }(a));
    second.end();
    sync_wait([](Worker& to) -> Task<> { co_await with_context(Hop{to}); }(a));
  }
  a.call([] { EXPECT_LE(detail::active_stack().size, 3U); });
  first.end();
  EXPECT_TRUE(a.is_clean());
}

// Suspends until somebody resumes what it was given.
struct StoredIn {
  std::coroutine_handle<>& to;
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> handle) { to = handle; }
  void await_resume() {}
};

TEST(WithContext, ALongRunOfCoroutinesThatOutliveTheirStartersSpansLeavesNothingToSearch) {
  Backend backend;
  Worker loop;
  for (int i = 0; i < 100; ++i) {
    std::coroutine_handle<> waiting;
    auto work = [](std::coroutine_handle<>& to) -> Task<> {
      co_await with_context(StoredIn{to});
      auto span = start_span("after the answer");
    }(waiting);
    {
      auto request = start_span("request");
      work.start();
    }
    loop.call([&] { waiting.resume(); });
  }
  loop.call([] { EXPECT_LE(detail::active_stack().size, 3U); });
}

TEST(WithContext, APromptCountsInACoroutineThatOutlivesItsStartersSpan) {
  Backend backend;
  Worker loop;
  std::coroutine_handle<> waiting;
  auto work = [](std::coroutine_handle<>& to) -> Task<> {
    co_await with_context(StoredIn{to});
    test::call_model("elsewhere");
  }(waiting);
  auto scope = test::trace_prompt("p");
  {
    auto request = start_span("request");
    work.start();
  }
  loop.call([&] { waiting.resume(); });
  EXPECT_EQ(test::prompt_of(backend.rows(), "elsewhere"), "p");
}

TEST(WithContext, ACoroutineThatOutlivesItsStartersSpanLeavesTheOneThatResumesItAlone) {
  Backend backend;
  std::coroutine_handle<> waiting;
  auto resumed = [](std::coroutine_handle<>& to) -> Task<> {
    auto span = start_span("resumed");
    co_await with_context(StoredIn{to});
    co_await with_context(StoredIn{to});
    EXPECT_TRUE(is_current(span));
  }(waiting);
  {
    auto starter = start_span("starter");
    resumed.start();
  }
  auto resuming = [](std::coroutine_handle<>& other) -> Task<> {
    auto span = start_span("resuming");
    std::coroutine_handle<>(other).resume();
    EXPECT_TRUE(is_current(span));
    co_return;
  }(waiting);
  resuming.start();
  waiting.resume();
  EXPECT_FALSE(current_span());
}

TEST(WithContext, ACoroutineDestroyedWhileItsTaskWaitsByAPlainAwaitLeavesNoLoanBehind) {
  Backend backend;
  {
    auto task = []() -> Task<> {
      auto span = start_span("outer");
      co_await with_context([]() -> Task<> { co_await std::suspend_always(); }());
    }();
    task.start();
  }
  EXPECT_FALSE(current_span());
}

Task<> ask(std::string name, Worker& to) {
  test::call_model("begun " + name);
  co_await with_context(Hop{to});
  test::call_model("hopped " + name);
}

TEST(WithContext, APromptThatACoroutineTracesGoesAlong) {
  Backend backend;
  Worker a, b;
  run_on(a, [](Worker& there, Worker& here) -> Task<> {
    auto scope = test::trace_prompt("p");
    co_await with_context(Hop{there});
    here.call([] { test::call_model("what the thread ran next"); });
    test::call_model("elsewhere");
    co_await with_context(ask("below", here));
    auto span = start_span("agent");
    co_await with_context(ask("below a span", there));
    {
      auto inner = test::trace_prompt("q");
      co_await with_context(Hop{here});
      test::call_model("inner");
    }
    co_await with_context(Hop{there});
    test::call_model("outer again");
  }(b, a));
  for (Worker* const worker : {&a, &b}) worker->call([&] { test::call_model(worker == &a ? "after on a" : "after on b"); });
  const auto rows = backend.rows();
  for (const char* const name :
       {"elsewhere", "begun below", "hopped below", "begun below a span", "hopped below a span", "outer again"}) {
    EXPECT_EQ(test::prompt_of(rows, name), "p") << name;
  }
  EXPECT_EQ(test::prompt_of(rows, "inner"), "q");
  for (const char* const name : {"what the thread ran next", "after on a", "after on b"}) {
    EXPECT_EQ(test::prompt_of(rows, name), "") << name;
  }
}

TEST(WithContext, APromptThatAPlainFunctionTracesIsOfTheCoroutinesItStarts) {
  Backend backend;
  Worker a;
  {
    auto scope = test::trace_prompt("p");
    sync_wait(ask("without a span", a));
    test::call_model("between");
    auto main_span = start_span("main");
    sync_wait(ask("under a span", a));
  }
  a.call([] { test::call_model("after on a"); });
  sync_wait(ask("after", a));
  const auto rows = backend.rows();
  for (const char* const name :
       {"begun without a span", "hopped without a span", "between", "begun under a span", "hopped under a span"}) {
    EXPECT_EQ(test::prompt_of(rows, name), "p") << name;
  }
  for (const char* const name : {"after on a", "begun after", "hopped after"})
    EXPECT_EQ(test::prompt_of(rows, name), "") << name;
}

TEST(WithContext, ALongRunOfTracedPromptsLeavesNothingToSearch) {
  Backend backend;
  Worker a;
  const auto depth_of = [&] {
    std::size_t depth = 0;
    a.call([&] { depth = detail::active_stack().size; });
    return depth;
  };
  for (int i = 0; i < 100; ++i) {
    const Done done = one();
    a.push([&] {
      auto scope = test::trace_prompt("p");
      finish([](Worker& here) -> Task<> { co_await with_context(Hop{here}); }(a), done).start();
    });
    done->wait();
  }
  EXPECT_LE(depth_of(), 6u);
}

TEST(WithContext, WithoutALoggerItOnlyAwaits) {
  Worker a;
  int result = 0;
  run_on(a, [](Worker& to, int& out) -> Task<> {
    co_await with_context(Hop{to});
    out = co_await with_context([]() -> Task<int> { co_return 3; }());
  }(a, result));
  EXPECT_EQ(result, 3);
}

}  // namespace
}  // namespace braintrust
