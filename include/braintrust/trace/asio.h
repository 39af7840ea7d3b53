#pragma once

// `with_context` for the coroutines of asio: every span finds its parent, whatever thread a coroutine runs on.
//
//   asio::awaitable<void> handle(Request request) {
//     auto span = braintrust::start_span("handle");
//     auto hits = co_await search(request.question);               // spans in there are children of "handle"
//     co_await asio::steady_timer(co_await asio::this_coro::executor, 10ms).async_wait(asio::use_awaitable);
//     auto rank = braintrust::start_span("rank");                  // this one, too
//   }
//   co_spawn(pool, braintrust::with_context(handle(request)), asio::detached);
//
// Write it around the outermost coroutine; those that it awaits need nothing. They run on a `ContextExecutor`, which makes each
// part of them, from one suspension to the next, run under the spans that were current when the part before it ended. What they
// spawn on `this_coro::executor` begins under the span that is current there. `co_await with_context(…)` inside a coroutine
// that runs without it keeps the spans of both apart, and takes the waiting one's off its thread.
//
// Includes standalone asio (1.22 or later), or Boost.Asio (1.80 or later) when BRAINTRUST_USE_BOOST_ASIO is defined.
//
// Threads: as asio's. An operation of yours has to keep work for its handler's executor while it runs (asio's
// `make_work_guard`) and to complete through that executor, as asio asks of every operation.
// Errors: exceptions pass on. Cancellation reaches the inner coroutine, in the kinds that the outer one lets through.
// Cost: about a microsecond for each asynchronous operation, and as much as a `co_spawn` for each `with_context`; made without
// a logger, one coroutine frame.

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <typeinfo>
#include <utility>

#if defined(BRAINTRUST_USE_BOOST_ASIO)
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#else
#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/co_spawn.hpp>
#include <asio/execution.hpp>
#include <asio/prefer.hpp>
#include <asio/query.hpp>
#include <asio/require.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#endif

#include <braintrust/trace/context.h>

// Where asio finds no coroutines in the compiler, there is nothing to carry.
#if defined(ASIO_HAS_CO_AWAIT) || defined(BOOST_ASIO_HAS_CO_AWAIT)

namespace braintrust {

namespace detail {
#if defined(BRAINTRUST_USE_BOOST_ASIO)
namespace asio = ::boost::asio;
#else
namespace asio = ::asio;
#endif

template <class T, class Executor>
asio::awaitable<T, Executor> run_with_context(asio::awaitable<T, Executor> inner, std::shared_ptr<ContextTask> task,
                                              std::shared_ptr<bool> spawned);

}  // namespace detail

// Runs functions as parts of one task: the first begin under the span that was current where the executor was made; what a part
// submits, under what is current in that part. Copies share the task.
class ContextExecutor {
 public:
  template <class Executor>
  requires(!std::is_same_v<Executor, ContextExecutor> &&
           std::is_convertible_v<Executor, detail::asio::any_io_executor>) explicit ContextExecutor(const Executor& inner)
      : ContextExecutor(inner, std::make_shared<detail::ContextTask>(), nullptr) {}

  const detail::asio::any_io_executor& inner() const noexcept { return inner_; }

  template <class Fn>
  void execute(Fn&& fn) const {
    inner_.execute(Part<std::decay_t<Fn>>{task_, task_->image(image_), std::forward<Fn>(fn)});
  }

  // Operations derive their executors from the handler's where they begin: so the coroutine's current spans are known when they
  // end, wherever that is.
  template <class Property>
  requires detail::asio::can_require<const detail::asio::any_io_executor&, Property>::value ContextExecutor
  require(const Property& property)
  const { return {detail::asio::require(inner_, property), task_, task_->image(image_)}; }
  template <class Property>
  requires detail::asio::can_prefer<const detail::asio::any_io_executor&, Property>::value ContextExecutor
  prefer(const Property& property)
  const { return {detail::asio::prefer(inner_, property), task_, task_->image(image_)}; }
  template <class Property>
  requires detail::asio::can_query<const detail::asio::any_io_executor&, Property>::value decltype(auto) query(
      const Property& property) const {
    return detail::asio::query(inner_, property);
  }

  friend bool operator==(const ContextExecutor& a, const ContextExecutor& b) noexcept {
    return a.inner_ == b.inner_ && a.task_ == b.task_ && a.image_ == b.image_;
  }
  friend bool operator!=(const ContextExecutor& a, const ContextExecutor& b) noexcept { return !(a == b); }

 private:
  template <class T, class Executor>
  friend detail::asio::awaitable<T, Executor> detail::run_with_context(detail::asio::awaitable<T, Executor>,
                                                                       std::shared_ptr<detail::ContextTask>,
                                                                       std::shared_ptr<bool>);

  template <class Fn>
  struct Part {
    std::shared_ptr<detail::ContextTask> task;
    detail::ContextImage image;
    Fn fn;
    void operator()() {
      const detail::ContextTask::Part part(*task, image);
      std::move(fn)();
    }
  };

  ContextExecutor(detail::asio::any_io_executor inner, std::shared_ptr<detail::ContextTask> task,
                  detail::ContextImage image) noexcept
      : inner_(std::move(inner)), task_(std::move(task)), image_(std::move(image)) {}

  detail::asio::any_io_executor inner_;
  std::shared_ptr<detail::ContextTask> task_;
  detail::ContextImage image_;  // null: what the task's last part submitted or left
};

// An `asio::awaitable` that knows whether it is awaited or spawned.
template <class T, class Executor>
class [[nodiscard]] AsioContextAwaitable : public detail::asio::awaitable<T, Executor> {
 public:
  using Awaitable = detail::asio::awaitable<T, Executor>;
  AsioContextAwaitable(Awaitable run, std::shared_ptr<bool> spawned) noexcept
      : Awaitable(std::move(run)), spawned_(std::move(spawned)) {}

  // What co_spawn prefers to call: the spans on the thread where it begins are not those of a coroutine that waits for it.
  Awaitable operator()() {
    *spawned_ = true;
    return std::move(static_cast<Awaitable&>(*this));
  }

 private:
  std::shared_ptr<bool> spawned_;
};

namespace detail {

// Where a coroutine's result waits for its caller.
template <class T>
struct AsioResult {
  std::optional<T> value;
  T take() { return std::move(*value); }
};
template <>
struct AsioResult<void> {
  void take() const {}
};

// The executor that carries no context. Of a task within a task, parts run under its own spans alone.
inline asio::any_io_executor plain_executor(const asio::any_io_executor& executor) {
#if !defined(ASIO_NO_TYPEID) && !defined(BOOST_ASIO_NO_TYPEID)
  if (executor.target_type() == typeid(ContextExecutor)) return executor.target<ContextExecutor>()->inner();
#endif
  return executor;
}

template <class T, class Executor>
asio::awaitable<void, Executor> run_inner(asio::awaitable<T, Executor> inner, bool throws, AsioResult<T>* result) {
  // The caller's thread of execution has filtered what arrives here.
  co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
  co_await asio::this_coro::throw_if_cancelled(throws);
  if constexpr (std::is_void_v<T>) {
    co_await std::move(inner);
  } else {
    result->value.emplace(co_await std::move(inner));
  }
}

template <class T, class Executor>
asio::awaitable<T, Executor> run_with_context(asio::awaitable<T, Executor> inner, std::shared_ptr<ContextTask> task,
                                              std::shared_ptr<bool> spawned) {
  if (!task->carries()) co_return co_await std::move(inner);
  const asio::any_io_executor executor = plain_executor(co_await asio::this_coro::executor);
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  AsioResult<T> result;
  ParkedContext outer;
  if (!*spawned) outer.take();
  std::exception_ptr failure;
  try {
    co_await asio::co_spawn(Executor(ContextExecutor(executor, task, nullptr)), run_inner(std::move(inner), throws, &result),
                            asio::use_awaitable_t<Executor>());
  } catch (...) {
    failure = std::current_exception();
  }
  task->leave();  // when the inner coroutine's last part has called us
  outer.put_back();
  if (failure) std::rethrow_exception(failure);
  co_return result.take();
}

}  // namespace detail

// Runs the coroutine as a task of its own, which begins under the span that is current here.
template <class T, class Executor>
AsioContextAwaitable<T, Executor> with_context(detail::asio::awaitable<T, Executor> awaitable) {
  static_assert(
      std::is_convertible_v<ContextExecutor, Executor>,
      "with_context changes the executor: asio::awaitable<T> can hold any, awaitable<T, io_context::executor_type> not");
  auto spawned = std::make_shared<bool>(false);
  return {detail::run_with_context(std::move(awaitable), std::make_shared<detail::ContextTask>(), spawned), spawned};
}

}  // namespace braintrust

#endif
