// Which span is current, on one thread and along the way to others.

#include <braintrust/trace/context.h>

#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include <braintrust/trace/traced.h>

#include "trace/context_stack.h"
#include "trace/family.h"
#include "trace/prompted.h"

namespace braintrust {
namespace {

using test::Backend;
using test::Family;
using test::is_current;

void in_a_thread(auto&& f) { std::thread(std::forward<decltype(f)>(f)).join(); }

TEST(Context, ASpanIsTheChildOfTheOneItWasStartedIn) {
  Backend backend;
  {
    auto root = backend.logger().start_span("root");
    {
      auto child = start_span("child");
      auto grandchild = start_span("grandchild");
    }
    auto second = start_span("second");
  }
  auto other = start_span("other");
  other.end();
  const Family family(backend.rows());
  EXPECT_EQ(family.parent("root"), "");
  EXPECT_EQ(family.parent("child"), "root");
  EXPECT_EQ(family.parent("grandchild"), "child");
  EXPECT_EQ(family.parent("second"), "root");
  EXPECT_EQ(family.parent("other"), "");
}

TEST(Context, SpansMayEndInAnyOrder) {
  Backend backend;
  auto outer = start_span("outer");
  auto middle = start_span("middle");
  auto inner = start_span("inner");
  middle.end();
  EXPECT_TRUE(is_current(inner));
  outer.end();
  EXPECT_TRUE(is_current(inner));
  inner.end();
  EXPECT_FALSE(current_span());
}

TEST(Context, AHundredSpansDeepEachIsTheChildOfTheOneAbove) {
  Backend backend;
  {
    std::vector<Span> spans;
    for (int i = 0; i < 100; ++i) spans.push_back(start_span(std::to_string(i)));
  }
  EXPECT_FALSE(current_span());
  const Family family(backend.rows());
  for (int i = 1; i < 100; ++i) EXPECT_EQ(family.parent(std::to_string(i)), std::to_string(i - 1));
}

TEST(Context, EachThreadHasACurrentSpanOfItsOwn) {
  Backend backend;
  auto here = start_span("here");
  in_a_thread([] {
    EXPECT_FALSE(current_span());
    auto there = start_span("there");
    EXPECT_TRUE(is_current(there));
  });
  EXPECT_TRUE(is_current(here));
  here.end();
  EXPECT_EQ(Family(backend.rows()).parent("there"), "");
}

TEST(Context, ABoundFunctionRunsUnderTheSpanOfItsBinding) {
  Backend backend;
  {
    auto parent = start_span("parent");
    std::async(std::launch::async, bind_context([] { start_span("in async").end(); })).get();
    std::thread thread(bind_context([] { start_span("in thread").end(); }));
    thread.join();
    std::packaged_task<int(int)> task(bind_context([](int value) {
      start_span("in packaged task").end();
      return value + 1;
    }));
    auto result = task.get_future();
    std::thread(std::move(task), 1).join();
    EXPECT_EQ(result.get(), 2);
  }
  const Family family(backend.rows());
  EXPECT_EQ(family.parent("in async"), "parent");
  EXPECT_EQ(family.parent("in thread"), "parent");
  EXPECT_EQ(family.parent("in packaged task"), "parent");
}

TEST(Context, AChildStartedInABoundFunctionKeepsItsParentAfterThatEnded) {
  Backend backend;
  std::function<void()> bound;
  {
    auto parent = start_span("parent");
    bound = bind_context([] { start_span("late").end(); });
  }
  in_a_thread(bound);
  bound = nullptr;
  EXPECT_EQ(Family(backend.rows()).parent("late"), "parent");
}

TEST(Context, AfterABoundFunctionTheCallersSpanIsCurrentAgain) {
  Backend backend;
  auto bound = [] {
    auto span = start_span("bound");
    return bind_context([] { return current_span().span_id(); });
  }();
  auto caller = start_span("caller");
  EXPECT_NE(bound(), caller.span_id());
  EXPECT_TRUE(is_current(caller));
}

TEST(Context, AnExceptionOfABoundFunctionPassesAndRestores) {
  Backend backend;
  auto caller = start_span("caller");
  auto bound = bind_context([] { throw std::runtime_error("no"); });
  EXPECT_THROW(bound(), std::runtime_error);
  EXPECT_TRUE(is_current(caller));
}

TEST(Context, AFunctionBoundWithoutASpanRunsUnderItsCallers) {
  Backend backend;
  auto bound = bind_context([] { return current_span().span_id(); });
  auto caller = start_span("caller");
  EXPECT_EQ(bound(), caller.span_id());
}

TEST(Context, ASpanThatABoundFunctionReturnsIsStillCurrent) {
  Backend backend;
  auto bound = bind_context([] { return start_span("returned"); });
  auto span = bound();
  EXPECT_TRUE(is_current(span));
}

TEST(Context, APromptThatIsTracedGoesAlongWithABoundFunctionAlsoAfterItsScope) {
  Backend backend;
  std::function<void()> bound, without;
  {
    auto agent = start_span("agent");
    without = bind_context([] { test::call_model("bound before"); });
    auto scope = test::trace_prompt("a");
    bound = bind_context([] { test::call_model("bound"); });
    auto inner = start_span("inner");
    in_a_thread(bind_context([] { test::call_model("in scope"); }));
    in_a_thread([] { test::call_model("not bound"); });
  }
  in_a_thread([&] {
    auto others = test::trace_prompt("b");
    bound();
    without();
    test::call_model("after");
  });
  auto copy = bound;
  bound = nullptr;
  copy = nullptr;
  test::call_model("outside");
  const auto rows = backend.rows();
  EXPECT_EQ(test::prompt_of(rows, "in scope"), "a");
  EXPECT_EQ(test::prompt_of(rows, "bound"), "a");
  EXPECT_EQ(test::prompt_of(rows, "bound before"), "") << "that prompt is of the thread, and not of the agent";
  EXPECT_EQ(test::prompt_of(rows, "after"), "b");
  EXPECT_EQ(test::prompt_of(rows, "not bound"), "");
  EXPECT_EQ(test::prompt_of(rows, "outside"), "");
}

TEST(Context, AScopeThatHidesPromptsHidesThemInBoundFunctionsToo) {
  Backend backend;
  auto outer = test::trace_prompt("a");
  const BuiltPrompt untraced;
  auto none = untraced.trace();
  auto bound = bind_context([] { test::call_model("bound"); });
  in_a_thread([&] {
    auto others = test::trace_prompt("b");
    bound();
  });
  EXPECT_EQ(test::prompt_of(backend.rows(), "bound"), "");
}

TEST(Context, APromptThatIsTracedGoesAlongWithATaskContext) {
  Backend backend;
  std::optional<TaskContext> task;
  {
    auto scope = test::trace_prompt("a");
    task.emplace();
  }
  in_a_thread([&] {
    const TaskContext::Scope active(*task);
    test::call_model("in task");
  });
  EXPECT_EQ(test::prompt_of(backend.rows(), "in task"), "a");
}

// A bound function can be used like the function it holds.
struct Answer {
  int operator()() & { return 1; }
  int operator()() const& { return 2; }
  int operator()() && { return 3; }
};

TEST(BoundFunction, IsCalledAsAVariableAConstantAndATemporary) {
  auto bound = bind_context(Answer());
  EXPECT_EQ(bound(), 1);
  EXPECT_EQ(std::as_const(bound)(), 2);
  EXPECT_EQ(std::move(bound)(), 3);
}

TEST(BoundFunction, KeepsReferences) {
  int value = 1;
  auto bound = bind_context([&](int& other) -> int& { return ++other; });
  int& result = bound(value);
  EXPECT_EQ(&result, &value);
  auto forwards = bind_context([](std::unique_ptr<int>&& moved) -> std::unique_ptr<int>&& { return std::move(moved); });
  static_assert(std::is_same_v<decltype(forwards(std::unique_ptr<int>())), std::unique_ptr<int>&&>);
}

TEST(BoundFunction, CopiesWhatCanBeCopiedAndMovesTheRest) {
  auto copyable = bind_context([n = 0]() mutable { return ++n; });
  auto copy = copyable;
  EXPECT_EQ(copyable(), 1);
  EXPECT_EQ(copy(), 1);
  auto unique = bind_context([p = std::make_unique<int>(5)] { return *p; });
  static_assert(!std::is_copy_constructible_v<decltype(unique)>);
  static_assert(std::is_nothrow_move_constructible_v<decltype(unique)>);
  auto moved = std::move(unique);
  EXPECT_EQ(moved(), 5);
  EXPECT_EQ(std::async(std::launch::async, std::move(moved)).get(), 5);
}

struct Greeter {
  long times = 0;
  long greet(int more) { return times += more; }
};
int twice(int value) { return 2 * value; }

TEST(BoundFunction, HoldsFunctionsAndMembersToo) {
  EXPECT_EQ(bind_context(twice)(4), 8);
  Greeter greeter;
  EXPECT_EQ(bind_context(&Greeter::greet)(greeter, 3), 3);
  EXPECT_EQ(bind_context(&Greeter::times)(&greeter), 3);
}

TEST(BoundFunction, SaysWhatItAcceptsAndWhetherItThrows) {
  auto bound = bind_context([](int) noexcept {});
  static_assert(std::is_invocable_v<decltype(bound), int>);
  static_assert(!std::is_invocable_v<decltype(bound), std::string>);
  static_assert(std::is_nothrow_invocable_v<decltype(bound), int>);
  static_assert(!std::is_invocable_v<const decltype(bind_context([n = 0]() mutable { return ++n; }))>);
  auto copy = bound;
  copy(1);
}

TEST(ContextScope, MakesASpanCurrentThatIsNot) {
  Backend backend;
  auto outer = start_span("outer");
  auto aside = start_span("aside", {.set_current = false});
  EXPECT_TRUE(is_current(outer));
  {
    const ContextScope scope(aside.handle());
    EXPECT_TRUE(is_current(aside));
    const ContextScope again(aside.handle());
    {
      const ContextScope back(outer.handle());
      EXPECT_TRUE(is_current(outer));
    }
    EXPECT_TRUE(is_current(aside));
  }
  EXPECT_TRUE(is_current(outer));
}

TEST(ContextScope, ForTheSameSpanMayEndInAnyOrder) {
  Backend backend;
  auto aside = start_span("aside", {.set_current = false});
  auto first = std::make_unique<ContextScope>(aside.handle());
  auto inner = start_span("inner");
  auto second = std::make_unique<ContextScope>(aside.handle());
  first = nullptr;
  EXPECT_TRUE(is_current(aside));
  second = nullptr;
  EXPECT_TRUE(is_current(inner));
  inner.end();
  EXPECT_FALSE(current_span());
}

TEST(ContextScope, OfNoSpanChangesNothing) {
  Backend backend;
  auto outer = start_span("outer");
  const ContextScope scope{SpanHandle()};
  EXPECT_TRUE(is_current(outer));
}

TEST(Context, ASpanEndedOnAnotherThreadIsNoLongerCurrentOnItsOwn) {
  Backend backend;
  auto outer = start_span("outer");
  auto span = start_span("moved away");
  in_a_thread([span = std::move(span)]() mutable { span.end(); });
  EXPECT_TRUE(is_current(outer));
  start_span("next").end();
  outer.end();
  EXPECT_EQ(Family(backend.rows()).parent("next"), "outer");
}

TEST(Context, SpansThatAlwaysEndOnAnotherThreadDoNotPileUp) {
  Backend backend;
  const Span root = start_span("root");
  for (int i = 0; i < 1000; ++i) {
    in_a_thread([span = start_span("step", {.parent = root})]() mutable { span.end(); });
  }
  EXPECT_LT(detail::active_stack().size, 500u);
}

TEST(Context, TheNextSpanInTheMemoryOfAnEndedOneIsNotTakenForIt) {
  Backend backend;
  std::latch ended(1), looked(1);
  auto span = std::make_optional(start_span("first"));
  std::thread other([&, taken = std::move(*span)]() mutable {
    taken.end();
    { const Span gone = std::move(taken); }
    auto second = start_span("second");  // its memory is the one that this thread gave back last
    ended.count_down();
    looked.wait();
  });
  ended.wait();
  EXPECT_FALSE(current_span());
  looked.count_down();
  other.join();
}

TEST(Context, AThreadMayEndWithSpansThatAreStillCurrentOnIt) {
  Backend backend;
  Span left;
  in_a_thread([&] { left = start_span("left", {.propagated = {{"metadata", {{"k", 1}}}}}); });
  left.end();
  start_span("next").end();
  EXPECT_EQ(Family(backend.rows()).parent("next"), "");
}

TEST(TaskContext, KeepsItsSpansFromThreadToThread) {
  Backend backend;
  auto parent = start_span("parent");
  TaskContext task;
  Span step;
  in_a_thread([&] {
    const TaskContext::Scope scope(task);
    step = start_span("step");
  });
  EXPECT_TRUE(is_current(parent));
  in_a_thread([&] {
    {
      const TaskContext::Scope scope(task);
      start_span("inside").end();
      step.end();
      start_span("after").end();
    }
    EXPECT_FALSE(current_span());
  });
  parent.end();
  const Family family(backend.rows());
  EXPECT_EQ(family.parent("step"), "parent");
  EXPECT_EQ(family.parent("inside"), "step");
  EXPECT_EQ(family.parent("after"), "parent");
}

TEST(TaskContext, ScopesNest) {
  Backend backend;
  auto outer = start_span("outer");
  TaskContext a;
  const TaskContext::Scope in_a(a);
  auto of_a = start_span("of a");
  {
    TaskContext b;
    const TaskContext::Scope in_b(b);
    auto of_b = start_span("of b");
    {
      const TaskContext::Scope in_a_again(a);
      EXPECT_TRUE(is_current(of_a));
    }
    EXPECT_TRUE(is_current(of_b));
  }
  EXPECT_TRUE(is_current(of_a));
}

// Another tracing library in this process: something of its own, without a span, is current while `number` is set.
class OtherLibrary final : public detail::ForeignContext {
 public:
  OtherLibrary() { detail::foreign_context.store(this); }
  ~OtherLibrary() { detail::foreign_context.store(nullptr); }
  std::optional<detail::ForeignSpan> newer_than(std::uint64_t given) noexcept override {
    return number > given ? std::optional(detail::ForeignSpan{.number = number}) : std::nullopt;
  }
  std::uint64_t number = 0;
};

TEST(Context, APromptOfATaskEndsWithItsScopeAlsoWhereAnotherLibraryWasTheInnerOne) {
  Backend backend;
  OtherLibrary other;
  detail::ContextTask task;
  std::unique_ptr<PromptScope> scope;
  detail::ContextImage image;
  {
    const detail::ContextTask::Part part(task, nullptr);
    scope.reset(new PromptScope(test::trace_prompt("p")));
    other.number = detail::next_context_number();
    image = task.image(nullptr);
    other.number = 0;
  }
  {
    const detail::ContextTask::Part part(task, image);
    test::call_model("in scope");
    scope.reset();
    test::call_model("after scope");
  }
  {
    const detail::ContextTask::Part part(task, nullptr);
    test::call_model("next part");
  }
  const auto rows = backend.rows();
  EXPECT_EQ(test::prompt_of(rows, "in scope"), "p");
  EXPECT_EQ(test::prompt_of(rows, "after scope"), "");
  EXPECT_EQ(test::prompt_of(rows, "next part"), "");
}

TEST(Context, TracedOutputFindsItsSpanInABoundFunction) {
  Backend backend;
  struct Work {
    static int answer(int question) {
      TRACED(question);
      std::async(std::launch::async, bind_context([] { start_span("below").end(); })).get();
      return TRACED_OUTPUT(question + 1);
    }
  };
  in_a_thread(bind_context([] { Work::answer(41); }));
  EXPECT_EQ(backend.row("answer")["output"], 42);
  EXPECT_EQ(Family(backend.rows()).parent("below"), "answer");
}

}  // namespace
}  // namespace braintrust
