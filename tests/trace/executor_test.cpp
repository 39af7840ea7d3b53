// Functions given to thread pools through `TracedExecutor`.

#include <braintrust/trace/executor.h>

#include <barrier>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#if __has_include(<asio/thread_pool.hpp>)
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#endif

#include "trace/family.h"

namespace braintrust {
namespace {

using test::Backend;
using test::Family;
using test::is_current;

// A pool as people write them: `submit` returns a future, `post` takes a priority, `execute` takes what is only called once.
class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~Pool() { stop(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  template <class Fn, class... Args>
  std::future<std::invoke_result_t<Fn, Args...>> submit(Fn fn, Args... args) {
    auto task = std::make_shared<std::packaged_task<std::invoke_result_t<Fn, Args...>()>>(
        [fn = std::move(fn), ... args = std::move(args)]() mutable { return std::move(fn)(std::move(args)...); });
    auto result = task->get_future();
    push([task] { (*task)(); });
    return result;
  }
  bool post(std::function<void()> fn, int priority) {
    push(std::move(fn));
    return priority > 0;
  }
  template <class Fn>
  void execute(Fn&& fn) {
    auto shared = std::make_shared<std::decay_t<Fn>>(std::forward<Fn>(fn));
    push([shared] { std::move (*shared)(); });
  }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void push(std::function<void()> fn) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(fn));
    }
    wake_.notify_one();
  }
  void work() {
    for (;;) {
      std::function<void()> fn;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
        if (queue_.empty()) return;
        fn = std::move(queue_.front());
        queue_.pop_front();
      }
      fn();
      EXPECT_FALSE(current_span()) << "something stayed on a thread of the pool";
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

TEST(TracedExecutor, FunctionsRunUnderTheSpanThatSubmittedThem) {
  Backend backend;
  {
    Pool my_pool(2);
    TracedExecutor pool{my_pool};
    auto parent = start_span("parent");
    EXPECT_EQ(pool.submit(
                      [](int a, std::unique_ptr<int> b) {
                        start_span("submitted").end();
                        return a + *b;
                      },
                      1, std::make_unique<int>(2))
                  .get(),
              3);
    EXPECT_TRUE(pool.post([] { start_span("posted").end(); }, 1));
    pool.execute([only_moved = std::make_unique<std::string>("executed")] { start_span(*only_moved).end(); });
    my_pool.stop();
  }
  const Family family(backend.rows());
  EXPECT_EQ(family.parent("submitted"), "parent");
  EXPECT_EQ(family.parent("posted"), "parent");
  EXPECT_EQ(family.parent("executed"), "parent");
}

TEST(TracedExecutor, ManyRequestsOnFewThreadsAreKeptApart) {
  Backend backend;
  constexpr int requests = 200;
  {
    Pool my_pool(3);
    TracedExecutor pool{my_pool};
    std::vector<std::future<std::future<void>>> steps;
    for (int i = 0; i < requests; ++i) {
      auto request = start_span("request " + std::to_string(i));
      steps.push_back(pool.submit([&pool, i] {
        auto first = start_span("first " + std::to_string(i));
        return pool.submit([i] { start_span("second " + std::to_string(i)).end(); });
      }));
    }
    for (auto& step : steps) step.get().get();
  }
  const Family family(backend.rows());
  for (int i = 0; i < requests; ++i) {
    const std::string number = std::to_string(i);
    EXPECT_EQ(family.parent("first " + number), "request " + number);
    EXPECT_EQ(family.parent("second " + number), "first " + number);
  }
}

struct OnlyPost {
  std::vector<std::function<void()>>* posted;
  void post(std::function<void()> fn) { posted->push_back(std::move(fn)); }
};
template <class Executor>
concept CanSubmit = requires(Executor& executor) {
  executor.submit([] {});
};

TEST(TracedExecutor, OffersWhatThePoolOffersAndKeepsATemporary) {
  Backend backend;
  std::vector<std::function<void()>> posted;
  TracedExecutor pool{OnlyPost{&posted}};
  static_assert(std::is_same_v<decltype(pool), TracedExecutor<OnlyPost>>);
  static_assert(!CanSubmit<decltype(pool)>);
  static_assert(CanSubmit<TracedExecutor<Pool&>>);
  {
    auto parent = start_span("parent");
    pool.post([] { start_span("child").end(); });
  }
  ASSERT_EQ(posted.size(), 1U);
  posted.front()();
  EXPECT_EQ(Family(backend.rows()).parent("child"), "parent");
}

#if __has_include(<asio/thread_pool.hpp>)
TEST(TracedExecutor, TakesAThreadPoolOfAsio) {
  Backend backend;
  {
    asio::thread_pool my_pool(2);
    TracedExecutor pool{my_pool};
    auto parent = start_span("parent");
    pool.post([] { start_span("posted").end(); });
    pool.execute([only_moved = std::make_unique<int>(1)] { start_span("executed").end(); });
    my_pool.join();
  }
  const Family family(backend.rows());
  EXPECT_EQ(family.parent("posted"), "parent");
  EXPECT_EQ(family.parent("executed"), "parent");
}

TEST(TracedExecutor, OnAnIoContextPostWaitsAndExecuteRunsInline) {
  Backend backend;
  asio::io_context io;
  TracedExecutor pool{io};
  std::string order;
  auto parent = start_span("parent");
  pool.post([&] {
    auto inner = start_span("inner");
    pool.post([&, id = inner.span_id()] {
      order += "posted ";
      EXPECT_EQ(current_span().span_id(), id);
    });
    pool.execute([&] {
      order += "executed ";
      EXPECT_TRUE(is_current(inner));
    });
    order += "first ";
    EXPECT_TRUE(is_current(inner));
  });
  io.run();
  EXPECT_EQ(order, "executed first posted ");
  EXPECT_TRUE(is_current(parent));
}
#endif

}  // namespace
}  // namespace braintrust
