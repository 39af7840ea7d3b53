// Evals whose tasks take too long, and evals that are cut short.

#include <braintrust/eval/eval.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>

#include <gtest/gtest.h>

#include "eval/quiet.h"
#include "trace/backend.h"

namespace braintrust::test {
namespace {

using nlohmann::json;

// Where a task waits until a test lets it go on. Shared, because a task that was left behind outlives its test.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  int waiting = 0;
  int passed = 0;

  void wait() {
    std::unique_lock lock(mutex);
    ++waiting;
    changed.notify_all();
    changed.wait(lock, [&] { return open; });
    ++passed;
    changed.notify_all();
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  bool somebody(int Gate::*where, int count = 1) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, long_enough, [&] { return this->*where >= count; });
  }
};

const Scorer one{"one", [](const ScorerArgs&) { return 1; }};

TEST(EvalTime, LeavesATaskBehindThatHangsAndRunsTheOthers) {
  Backend backend;
  auto gate = std::make_shared<Gate>();
  std::vector<EvalCase> cases = {{.input = "hangs"}, {.input = "a"}, {.input = "b"}};
  const auto result = Eval("p", {.data = cases,
                                 .task =
                                     [gate](const json& input) {
                                       if (input == "hangs") gate->wait();
                                       return input;
                                     },
                                 .scores = {one},
                                 .max_concurrency = 1,  // its place must be taken by another thread
                                 .task_timeout = std::chrono::milliseconds(50),
                                 .reporter = quiet()});
  EXPECT_FALSE(result.error);
  EXPECT_EQ(result.cases, 3u);
  EXPECT_EQ(result.failed_cases, 1u);
  EXPECT_NE(result.results.at(0).error.find("task_timeout"), std::string::npos);
  EXPECT_TRUE(result.results[0].scores.empty());
  EXPECT_EQ(result.results[2].scores.at("one"), 1);
  bool found = false;
  for (const Row& row : backend.rows()) {
    if (name_of(row) != "eval" || row["input"] != "hangs") continue;
    found = true;
    EXPECT_NE(row["error"].get<std::string>().find("task_timeout"), std::string::npos);
    EXPECT_TRUE(row["metrics"].contains("end"));
  }
  EXPECT_TRUE(found);
  // What it does later changes nothing.
  gate->let_go();
  ASSERT_TRUE(gate->somebody(&Gate::passed));
}

TEST(EvalTime, TellsATaskThatNobodyWaitsForItAnyMore) {
  Backend backend;
  auto stopped = std::make_shared<std::atomic<bool>>(false);
  const auto result = Eval("p", {.data = {{.input = "x"}},
                                 .task =
                                     [stopped](const json& input, EvalHooks& hooks) {
                                       eventually([&] { return hooks.stopped(); });
                                       *stopped = hooks.stopped();
                                       return input;
                                     },
                                 .scores = {one},
                                 .task_timeout = std::chrono::milliseconds(20),
                                 .reporter = quiet()});
  EXPECT_EQ(result.failed_cases, 1u);
  EXPECT_TRUE(eventually([&] { return stopped->load(); }));
}

TEST(EvalTime, EndsWhenItsTimeIsOver) {
  Backend backend;
  auto gate = std::make_shared<Gate>();
  int begun = 0;
  const auto result = Eval("p", {.data = [&begun]() -> std::optional<EvalCase> { return EvalCase{.input = begun++}; },
                                 .task =
                                     [gate](const json& input) {
                                       if (input == 3) gate->wait();
                                       return input;
                                     },
                                 .scores = {one},
                                 .max_concurrency = 1,
                                 .timeout = std::chrono::milliseconds(200),
                                 .reporter = quiet()});
  EXPECT_TRUE(result.interrupted);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->code, ErrorCode::deadline_exceeded);
  ASSERT_EQ(result.results.size(), 4u);
  EXPECT_EQ(result.results[2].scores.at("one"), 1);
  EXPECT_NE(result.results[3].error.find("time"), std::string::npos);
  gate->let_go();
  ASSERT_TRUE(gate->somebody(&Gate::passed));
}

TEST(EvalTime, IsSummarisedWhenItIsInterrupted) {
  Backend backend;
  int begun = 0;
  const auto result =
      Eval("p", {.data = [&begun]() -> std::optional<EvalCase> { return EvalCase{.input = begun++}; },  // no end
                 .task =
                     [](const json& input) {
                       if (input == 5) interrupt_evals();
                       return input;
                     },
                 .scores = {one},
                 .max_concurrency = 2,
                 .reporter = quiet()});
  EXPECT_TRUE(result.interrupted);
  ASSERT_TRUE(result.error);
  EXPECT_GE(result.cases, 6u);
  EXPECT_EQ(result.failed_cases, 0u);
  EXPECT_EQ(result.summary.scores.at(0).score, 1);
  std::size_t roots = 0;
  for (const Row& row : backend.rows()) roots += name_of(row) == "eval" ? 1 : 0;
  EXPECT_EQ(roots, result.cases);
}

TEST(EvalTime, IsOverOnlyWhenNobodyReadsTheDataAnyMore) {
  Backend backend;
  auto gate = std::make_shared<Gate>();
  auto calls = std::make_shared<std::atomic<int>>(0);
  auto eval = std::async(std::launch::async, [gate, calls] {
    return Eval("p", {.data = [gate, calls]() -> std::optional<EvalCase> {
                        if ((*calls)++ == 0) return EvalCase{.input = "x"};
                        gate->wait();
                        return EvalCase{.input = "y"};
                      },
                      .task = [](const json& input) { return input; },
                      .scores = {one},
                      .reporter = quiet()});
  });
  ASSERT_TRUE(gate->somebody(&Gate::waiting));
  interrupt_evals();
  EXPECT_EQ(eval.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout) << "its data is being read";
  gate->let_go();
  const auto result = eval.get();
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.cases, 1u);
  EXPECT_EQ(*calls, 2) << "and is not read again";
}

TEST(EvalTime, IsNotInterruptedByWhatHappenedBefore) {
  Backend backend;
  interrupt_evals();
  const auto result = Eval(
      "p", {.data = {{.input = "x"}}, .task = [](const json& input) { return input; }, .scores = {one}, .reporter = quiet()});
  EXPECT_TRUE(result.ok());
}

TEST(EvalTime, EndsWhenTooManyTasksDoNotComeBack) {
  Backend backend;
  auto gate = std::make_shared<Gate>();
  int begun = 0;
  const auto result =
      Eval("p", {.data = [&begun]() -> std::optional<EvalCase> { return EvalCase{.input = begun++}; },  // no end
                 .task =
                     [gate](const json& input) {
                       gate->wait();
                       return input;
                     },
                 .scores = {one},
                 .max_concurrency = 32,
                 .task_timeout = std::chrono::milliseconds(5),
                 .reporter = quiet()});
  ASSERT_TRUE(result.error);
  EXPECT_NE(result.error->message.find("did not come back"), std::string::npos);
  EXPECT_GE(result.failed_cases, 256u);
  EXPECT_LT(result.failed_cases, 400u);
  gate->let_go();
  ASSERT_TRUE(gate->somebody(&Gate::passed, 256));
}

}  // namespace
}  // namespace braintrust::test
