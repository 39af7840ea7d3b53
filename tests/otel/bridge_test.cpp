// One trace of both worlds: spans of opentelemetry-cpp go to a server by OTLP, ours to a backend, and ids and parents fit.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <coroutine>
#include <future>

#include <braintrust/trace/context.h>
#include <braintrust/trace/coroutine.h>
#include <braintrust/trace/executor.h>
#include <braintrust/trace/propagation.h>
#include <braintrust/trace/traced.h>
#include <opentelemetry/context/runtime_context.h>
#include <opentelemetry/trace/context.h>
#include <opentelemetry/trace/default_span.h>
#include <opentelemetry/trace/trace_state.h>

#include "otel/received.h"

namespace braintrust::test {
namespace {

using opentelemetry::context::Context;
using opentelemetry::context::RuntimeContext;

class Bridge : public testing::Test {
 protected:
  Bridge() { otel::bridge_contexts(); }

  // What arrived, whichever way it took.
  struct Arrived {
    std::string trace, id, parent;
  };
  Arrived ours(const std::string& name) { return arrived(backend.row(name)); }
  static Arrived arrived(const Row& row) {
    const Row parents = row.value("span_parents", Row());
    return {row["root_span_id"], row["span_id"], parents.empty() ? std::string() : parents[0].get<std::string>()};
  }
  Arrived theirs(const std::string& name) {
    if (!tracing.flush()) throw std::runtime_error("spans did not arrive");
    const ReceivedSpan span = receiver.span(name);
    return {span.trace_id, span.span_id, span.parent_id};
  }
  // `child` is a child of `parent`, in one trace.
  static void expect_child(const Arrived& child, const Arrived& parent) {
    EXPECT_EQ(child.parent, parent.id);
    EXPECT_EQ(child.trace, parent.trace);
  }
  static void expect_root(const Arrived& span) { EXPECT_EQ(span.parent, ""); }

  Span start(const std::string& name) { return backend.logger().start_span(name); }

  Backend backend;
  Receiver receiver;
  Tracing tracing{receiver.options()};
};

TEST_F(Bridge, MakesAnActiveSpanOfOpenTelemetryTheParentOfOurs) {
  {
    auto outer = tracing.start("outer");
    const OtelScope scope(outer);
    auto inner = start("inner");
    auto innermost = start("innermost");
    innermost.end();
    inner.end();
    outer->End();
  }
  { auto after = start("after"); }
  expect_root(theirs("outer"));
  expect_child(ours("inner"), theirs("outer"));
  expect_child(ours("innermost"), ours("inner"));
  expect_root(ours("after"));
  EXPECT_NE(ours("after").trace, theirs("outer").trace);
}

TEST_F(Bridge, MakesOurCurrentSpanTheParentOfTheirs) {
  {
    auto outer = start("outer");
    auto inner = tracing.start("inner");
    {
      const OtelScope scope(inner);
      tracing.start("innermost")->End();
    }
    inner->End();
  }
  tracing.start("after")->End();
  expect_root(ours("outer"));
  expect_child(theirs("inner"), ours("outer"));
  expect_child(theirs("innermost"), theirs("inner"));
  expect_root(theirs("after"));
}

TEST_F(Bridge, KnowsWhichIsTheInnerOneHoweverTheyInterleave) {
  {
    auto a = start("a");
    auto b = tracing.start("b");
    const OtelScope in_b(b);
    {
      auto c = start("c");
      auto d = tracing.start("d");
      const OtelScope in_d(d);
      auto e = start("e");
      tracing.start("f")->End();
      d->End();
    }
    auto g = start("g");
    g.end();
    tracing.start("h")->End();
    b->End();
  }
  expect_child(theirs("b"), ours("a"));
  expect_child(ours("c"), theirs("b"));
  expect_child(theirs("d"), ours("c"));
  expect_child(ours("e"), theirs("d"));
  expect_child(theirs("f"), ours("e"));
  expect_child(ours("g"), theirs("b"));
  expect_child(theirs("h"), theirs("b"));
}

TEST_F(Bridge, FollowsSpansThatEndOutOfOrder) {
  auto a = start("a");
  auto b = std::make_optional(tracing.start("b"));
  auto in_b = std::make_unique<OtelScope>(*b);
  a.end();  // below theirs
  { auto c = start("c"); }
  in_b = nullptr;
  { auto d = start("d"); }
  tracing.start("e")->End();
  (*b)->End();
  expect_child(theirs("b"), ours("a"));
  expect_child(ours("c"), theirs("b"));
  expect_root(ours("d"));
  expect_root(theirs("e"));
}

TEST_F(Bridge, ShowsTheirCodeASpanThatIsOursAndDoesNotRecord) {
  auto span = start("span");
  const auto shown = opentelemetry::trace::GetSpan(RuntimeContext::GetCurrent());
  EXPECT_FALSE(shown->IsRecording());
  EXPECT_TRUE(shown->GetContext().IsSampled());
  EXPECT_FALSE(shown->GetContext().IsRemote());
  EXPECT_EQ(hex_of(shown->GetContext().trace_id()), to_string(span.trace_id()));
  EXPECT_EQ(hex_of(shown->GetContext().span_id()), to_string(span.span_id()));
  shown->SetAttribute("a", 1);
  shown->End();
  span.end();
  EXPECT_FALSE(opentelemetry::trace::GetSpan(RuntimeContext::GetCurrent())->GetContext().IsValid());
  EXPECT_EQ(backend.row("span").count("metadata"), 0u);
}

TEST_F(Bridge, SendsTheirSpansBelowOursToOurProject) {
  auto options = receiver.options();
  options.parent = "project_name:of the processor";
  Tracing other(options);
  other.start("outside")->End();
  {
    auto span = start("span");
    auto child = other.start("child");
    const OtelScope scope(child);
    other.start("grandchild")->End();
    child->End();
  }
  ASSERT_TRUE(other.flush());
  EXPECT_EQ(receiver.span("outside").text("braintrust.parent"), "project_name:of the processor");
  for (const char* const name : {"child", "grandchild"}) {
    const std::string parent = receiver.span(name).text("braintrust.parent");
    EXPECT_TRUE(parent == "project_name:p" || parent.starts_with("project_id:")) << parent;
  }
}

TEST_F(Bridge, NamesTheirSpanAsTheCurrentOneAndRecordsNothingThatIsLoggedToIt) {
  {
    auto outer = tracing.start("outer");
    const OtelScope scope(outer);
    const SpanHandle current = current_span();
    ASSERT_TRUE(current);
    EXPECT_EQ(to_string(current.trace_id()), hex_of(outer->GetContext().trace_id()));
    EXPECT_EQ(to_string(current.span_id()), hex_of(outer->GetContext().span_id()));
    EXPECT_EQ(current.id(), "");
    current.log({.output = "nowhere"});
    current.set_attributes("nowhere");
    current_span().log({.metadata = {{"a", 1}}});
    outer->End();
  }
  EXPECT_TRUE(backend.rows().empty());
}

using Headers = std::map<std::string, std::string>;
constexpr const char* state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

// A span of another process, as a propagator of theirs puts it into a context.
Context received(std::uint8_t flags) {
  namespace api = opentelemetry::trace;
  const std::uint8_t trace[16] = {1}, span[8] = {2};
  const api::SpanContext context(api::TraceId(trace), api::SpanId(span), api::TraceFlags(flags), true,
                                 api::TraceState::FromHeader(state));
  Context empty;
  return api::SetSpan(empty, OtelSpan(new api::DefaultSpan(context)));
}

TEST_F(Bridge, PassesTracestateAndFlagsOfTheirSpanOnToAllBelowIt) {
  Backend other(LoggerOptions{.set_current = false});
  for (const auto& [flags, text] : {std::pair<std::uint8_t, std::string>{0, "-00"}, {3, "-03"}}) {
    const auto token = RuntimeContext::Attach(received(flags));
    const auto check = [&wanted = text](const auto& span) {
      Headers headers;
      span.inject(headers);
      EXPECT_EQ(headers["traceparent"], "00-01" + std::string(30, '0') + "-" + to_string(span.span_id()) + wanted);
      EXPECT_EQ(headers["tracestate"], state);
    };
    check(current_span());
    std::thread(bind_context([&] {
      auto carried = start("carried");
      check(carried);
    })).join();
    std::thread(bind_context([&] { check(other.logger().start_span("carried to another logger")); })).join();
    check(other.logger().start_span("of another logger"));
    auto span = start("span");
    check(span);
    auto child = start("child");
    check(child);
  }
}

TEST_F(Bridge, ShowsTheirCodeTracestateAndFlagsOfATraceThatCameIn) {
  const std::string trace(32, 'a'), caller(16, 'b');
  const auto shown = [] { return opentelemetry::trace::GetSpan(RuntimeContext::GetCurrent())->GetContext(); };
  auto span = backend.logger().start_span(
      "handler",
      {.parent = extract_trace_context(Headers{{"traceparent", "00-" + trace + "-" + caller + "-00"}, {"tracestate", state}})});
  EXPECT_EQ(shown().trace_flags().flags(), 0);
  EXPECT_EQ(shown().trace_state()->ToHeader(), state);
  auto theirs = tracing.start("theirs");
  EXPECT_EQ(theirs->GetContext().trace_state()->ToHeader(), state);
  {
    const OtelScope scope(theirs);
    auto below = start("below");
    Headers headers;
    below.inject(headers);
    EXPECT_EQ(headers["tracestate"], state);
    EXPECT_EQ(headers["traceparent"], "00-" + trace + "-" + to_string(below.span_id()) + "-01") << "theirs is sampled";
    EXPECT_EQ(shown().trace_state()->ToHeader(), state);
  }
  theirs->End();
}

TEST_F(Bridge, CarriesTheirSpanToOtherThreadsWithOurMeans) {
  {
    auto outer = tracing.start("outer");
    const OtelScope scope(outer);
    auto bound = bind_context([&] {
      { auto span = start("bound"); }
      tracing.start("theirs in bound")->End();
    });
    std::thread(bound).join();
    outer->End();
    std::thread(bind_context([handle = current_span(), this] {
      const ContextScope in(handle);
      auto span = start("after it ended");
    })).join();
  }
  expect_child(ours("bound"), theirs("outer"));
  expect_child(theirs("theirs in bound"), theirs("outer"));
  expect_child(ours("after it ended"), theirs("outer"));
}

TEST_F(Bridge, SendsTheirSpansBelowACarriedOneWhereThatWent) {
  {
    auto outer = tracing.tracer().StartSpan("outer", {{"braintrust.parent", "project_name:q"}});
    const OtelScope scope(outer);
    std::thread(bind_context([&] {
      const auto again = RuntimeContext::Attach(RuntimeContext::GetCurrent());
      tracing.start("below")->End();
      { auto span = start("ours"); }
    })).join();
    outer->End();
  }
  expect_child(theirs("below"), theirs("outer"));
  expect_child(ours("ours"), theirs("outer"));
  EXPECT_EQ(receiver.span("below").text("braintrust.parent"), "project_name:q");
}

// INST 19.13, 22.1: the place of a trace is the place of what is below.
TEST_F(Bridge, SendsOurSpansWhereTheirSpanAboveWent) {
  using opentelemetry::trace::SetSpan;
  const auto in_project = [&](const std::string& name, const std::string& id) {
    const Row row = backend.row(name);
    EXPECT_EQ(row.value("project_id", ""), id) << name;
    EXPECT_EQ(row.value("log_id", ""), "g") << name;
  };
  auto by_attribute = tracing.tracer().StartSpan("by attribute", {{"braintrust.parent", "project_id:q"}});
  {
    const OtelScope scope(by_attribute);
    auto ours = start("below an attribute");
    auto theirs = tracing.start("theirs in between");
    const OtelScope in_theirs(theirs);
    auto below = start("further below");
    current_span().log({.output = 1});
    theirs->End();
  }
  std::thread(bind_context([&] { auto span = start("not below any"); })).join();
  {
    const OtelScope scope(by_attribute);
    std::thread(bind_context([&] { auto span = start("carried"); })).join();
    by_attribute->End();
    auto span = start("below one that has ended");
  }
  {
    auto outer = tracing.start("by context");
    Context current = RuntimeContext::GetCurrent();
    const auto token = RuntimeContext::Attach(otel::with_parent(SetSpan(current, outer), "experiment_id:e"));
    auto span = start("below a context");
    Headers headers;
    span.inject(headers);
    EXPECT_EQ(headers["baggage"], "braintrust.parent=experiment_id:e");
    outer->End();
  }
  {
    auto plain = tracing.start("as the processor has it");
    const OtelScope scope(plain);
    auto span = start("below a plain one");
    plain->End();
  }
  {
    auto odd = tracing.tracer().StartSpan("odd", {{"braintrust.parent", "somewhere"}});
    const OtelScope scope(odd);
    auto span = start("below an odd one");
    odd->End();
  }
  for (const char* const name : {"below an attribute", "further below", "carried", "below one that has ended"}) {
    in_project(name, "q");
  }
  expect_child(ours("below an attribute"), theirs("by attribute"));
  expect_child(ours("carried"), theirs("by attribute"));
  EXPECT_EQ(receiver.span("theirs in between").text("braintrust.parent"), "project_id:q");
  EXPECT_EQ(backend.row("below a context").value("experiment_id", ""), "e");
  const std::string own = backend.row("not below any").value("project_id", "");
  EXPECT_NE(own, "q");
  in_project("below a plain one", own);
  in_project("below an odd one", own);
}

TEST_F(Bridge, SendsSpansOfEveryLoggerWhereTheirSpanAboveWent) {
  Backend other(LoggerOptions{.set_current = false});
  auto outer = tracing.tracer().StartSpan("outer", {{"braintrust.parent", "project_id:q"}});
  {
    const OtelScope scope(outer);
    { auto span = other.logger().start_span("direct"); }
    std::thread(bind_context([&] { auto span = other.logger().start_span("carried"); })).join();
    outer->End();
  }
  EXPECT_EQ(other.row("direct").value("project_id", ""), "q");
  EXPECT_EQ(other.row("carried").value("project_id", ""), "q");
}

TEST_F(Bridge, CarriesOurSpanToOtherThreadsWithTheirMeans) {
  std::string id;
  {
    auto outer = start("outer");
    const Context context = RuntimeContext::GetCurrent();
    std::thread([&] {
      const auto token = RuntimeContext::Attach(context);
      tracing.start("theirs")->End();
      auto span = start("ours");
      current_span().log({.output = 1});
      span.end();
      current_span().log({.output = "by its handle"});  // the same span, not one that looks like it
    }).join();
    std::thread([&] {
      tracing.start("apart")->End();
      auto span = start("ours apart");
    }).join();
  }
  expect_child(theirs("theirs"), ours("outer"));
  expect_child(ours("ours"), ours("outer"));
  EXPECT_EQ(backend.row("outer").value("output", Row()), "by its handle");
  expect_root(theirs("apart"));
  expect_root(ours("ours apart"));
}

TEST_F(Bridge, LetsATaskBeginUnderTheirSpanAndKeepsTheThreadsOwnOutOfIt) {
  std::optional<TaskContext> task;
  {
    auto outer = tracing.start("outer");
    const OtelScope scope(outer);
    task.emplace();
    outer->End();
  }
  std::thread([&] {
    auto other = tracing.start("of the thread");
    const OtelScope in_other(other);
    {
      const TaskContext::Scope active(*task);
      { auto span = start("of the task"); }
      auto inside = tracing.start("inside the task");
      const OtelScope in_inside(inside);
      auto span = start("below inside");
      inside->End();
    }
    auto span = start("of the thread again");
    other->End();
  }).join();
  expect_child(ours("of the task"), theirs("outer"));
  expect_child(theirs("inside the task"), theirs("outer"));
  expect_child(ours("below inside"), theirs("inside the task"));
  expect_child(ours("of the thread again"), theirs("of the thread"));
}

// A coroutine that begins where it is called, and resumes whoever awaits it.
struct Task {
  struct promise_type {
    std::coroutine_handle<> waiting = std::noop_coroutine();
    struct Final {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> done) noexcept {
        return done.promise().waiting;
      }
      void await_resume() noexcept {}
    };
    Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    Final final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  bool await_ready() { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) {
    handle.promise().waiting = caller;
    return handle;
  }
  void await_resume() { handle.destroy(); }
  std::coroutine_handle<promise_type> handle;
};
// Waits for the test, which resumes it where it likes.
struct Pause {
  std::coroutine_handle<>& paused;
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> waiting) { paused = waiting; }
  void await_resume() {}
};

TEST_F(Bridge, LetsWhatACoroutineAwaitsBeginUnderTheirSpanWhereverItGoesOn) {
  std::coroutine_handle<> paused;
  const auto inner = [&]() -> Task {
    tracing.start("their first")->End();
    EXPECT_TRUE(opentelemetry::trace::GetSpan(RuntimeContext::GetCurrent())->IsRecording())
        << "their span, and none that stands for it";
    { auto span = start("first"); }
    co_await with_context(Pause{paused});
    { auto span = start("second"); }
    tracing.start("their second")->End();
  };
  const auto outer = [&]() -> Task {
    auto span = start("outer");
    auto between = tracing.start("between");
    auto scope = std::make_unique<OtelScope>(between);
    co_await with_context(inner());
    between->End();
    { auto after = start("after"); }
  };
  Task task = outer();
  std::thread([&] {
    // Their scope stays on the thread that made it.
    task.handle.resume();
    std::thread([&] {
      auto other = tracing.start("of the other thread");
      const OtelScope in_other(other);
      paused.resume();
      other->End();
    }).join();
  }).join();
  ASSERT_TRUE(task.handle.done());
  task.handle.destroy();
  for (const char* const name : {"first", "second"}) expect_child(ours(name), theirs("between"));
  for (const char* const name : {"their first", "their second"}) expect_child(theirs(name), theirs("between"));
  expect_child(ours("after"), ours("outer"));
}

TEST_F(Bridge, KeepsTheirSpanTheInnerOneOfACoroutineThatGoesOnOnItsThread) {
  std::coroutine_handle<> paused;
  const auto run = [&]() -> Task {
    auto outer = start("outer");
    auto between = tracing.start("between");
    {
      const OtelScope scope(between);
      co_await with_context(Pause{paused});
      { auto span = start("inner"); }
      tracing.start("their inner")->End();
      EXPECT_TRUE(opentelemetry::trace::GetSpan(RuntimeContext::GetCurrent())->IsRecording());
    }
    between->End();
    { auto span = start("after"); }
  };
  Task task = run();
  task.handle.resume();
  paused.resume();
  ASSERT_TRUE(task.handle.done());
  task.handle.destroy();
  expect_child(ours("inner"), theirs("between"));
  expect_child(theirs("their inner"), theirs("between"));
  expect_child(ours("after"), ours("outer"));
}

TEST_F(Bridge, LetsARootContextOfTheirsBeginATrace) {
  {
    auto outer = start("outer");
    {
      const auto token = RuntimeContext::Attach(Context());
      EXPECT_FALSE(current_span());
      { auto root = start("root"); }
      tracing.start("their root")->End();
    }
    { auto child = start("child"); }
  }
  expect_root(ours("root"));
  expect_root(theirs("their root"));
  expect_child(ours("child"), ours("outer"));
}

TEST_F(Bridge, KeepsContextsAsTheyWereAttached) {
  const Context context = Context().SetValue("mine", std::int64_t{7});
  for (int i = 0; i < 3; ++i) {
    const auto token = RuntimeContext::Attach(RuntimeContext::GetCurrent() == context ? RuntimeContext::GetCurrent() : context);
    EXPECT_TRUE(RuntimeContext::GetCurrent() == context);
    const auto again = RuntimeContext::Attach(RuntimeContext::GetCurrent());
    EXPECT_TRUE(RuntimeContext::GetCurrent() == context);
  }
  EXPECT_TRUE(RuntimeContext::GetCurrent() == Context());
}

TEST_F(Bridge, TakesASpanOfAnotherLoggerForNoParent) {
  Backend other(LoggerOptions{.set_current = false});
  {
    auto span = start("span");
    const auto token = RuntimeContext::Attach(RuntimeContext::GetCurrent());
    { auto root = other.logger().start_span("of the other"); }
    { auto child = start("child"); }
  }
  EXPECT_TRUE(other.row("of the other").value("span_parents", Row()).empty());
  expect_child(ours("child"), ours("span"));
}

TEST_F(Bridge, GivesTheirSpanToEveryLogger) {
  Backend other(LoggerOptions{.set_current = false});
  {
    auto outer = tracing.start("outer");
    const OtelScope scope(outer);
    { auto child = other.logger().start_span("direct"); }
    std::thread(bind_context([&] { auto child = other.logger().start_span("carried"); })).join();
    outer->End();
  }
  for (const char* const name : {"direct", "carried"}) {
    EXPECT_EQ(other.row(name).value("span_parents", Row()), Row::array({theirs("outer").id})) << name;
  }
  EXPECT_TRUE(backend.rows().empty());
}

TEST_F(Bridge, LeavesRowsWithoutAParentAlone) {
  {
    auto outer = tracing.start("outer");
    const OtelScope scope(outer);
    backend.logger().log({.input = "alone"});
    outer->End();
  }
  EXPECT_TRUE(backend.only().value("span_parents", Row()).empty());
  EXPECT_NE(arrived(backend.only()).trace, theirs("outer").trace);
}

TEST_F(Bridge, WorksForSpansAtTheEndOfTheirThread) {
  struct AtEnd {
    Tracing* tracing = nullptr;
    ~AtEnd() {
      if (tracing != nullptr) tracing->start("at the end")->End();
    }
  };
  std::thread([&] {
    static thread_local AtEnd at_end;
    at_end.tracing = &tracing;
    auto span = start("work");
    tracing.start("below")->End();
  }).join();
  expect_child(theirs("below"), ours("work"));
  expect_root(theirs("at the end"));
}

TEST_F(Bridge, HoldsUnderEightThreads) {
  std::vector<std::thread> all;
  for (int t = 0; t < 8; ++t) {
    all.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string name = std::to_string(t) + "." + std::to_string(i);
        auto a = start("a" + name);
        auto b = tracing.start("b" + name);
        const OtelScope in_b(b);
        auto c = start("c" + name);
        tracing.start("d" + name)->End();
        b->End();
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  ASSERT_TRUE(tracing.flush());
  std::map<std::string, Arrived> spans;
  for (const Row& row : backend.rows()) {
    spans[name_of(row)] = arrived(row);
  }
  for (const ReceivedSpan& span : receiver.spans()) spans[span.name] = {span.trace_id, span.span_id, span.parent_id};
  ASSERT_EQ(spans.size(), 4u * 8 * 50);
  for (int t = 0; t < 8; ++t) {
    for (int i = 0; i < 50; ++i) {
      const std::string name = std::to_string(t) + "." + std::to_string(i);
      expect_child(spans["b" + name], spans["a" + name]);
      expect_child(spans["c" + name], spans["b" + name]);
      expect_child(spans["d" + name], spans["c" + name]);
    }
  }
}

}  // namespace
}  // namespace braintrust::test
