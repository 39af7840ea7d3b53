#pragma once

// `TracedExecutor`: a thread pool whose functions run under the span that was current where they were submitted.
//
//   braintrust::TracedExecutor pool{my_pool};
//   auto answer = pool.submit([&] { return ask(client); });      // whatever my_pool.submit returns
//
// Offers those of `submit`, `post` and `execute` that the pool has; each passes on its arguments and result, and the function
// through `bind_context` (context.h). For an execution context of asio (`thread_pool`, `io_context`), `post` and `execute` go
// to its executor. Made from a variable, it refers to the pool; made from a temporary, it keeps it.
//
// Threads: as the pool. Errors: the pool's. Cost: `bind_context`'s.

#include <memory>
#include <type_traits>
#include <utility>

#include <braintrust/trace/context.h>

namespace braintrust {

namespace detail {

// `post` and `dispatch` of asio, which is not included here: found beside the executor.
template <class Executor, class Fn>
void asio_post(const Executor& executor, Fn fn) {
  if constexpr (requires { executor.post(std::move(fn), std::allocator<void>()); }) {
    executor.post(std::move(fn), std::allocator<void>());
  } else {
    post(executor, std::move(fn));
  }
}
template <class Executor, class Fn>
void asio_dispatch(const Executor& executor, Fn fn) {
  if constexpr (requires { executor.dispatch(std::move(fn), std::allocator<void>()); }) {
    executor.dispatch(std::move(fn), std::allocator<void>());
  } else {
    dispatch(executor, std::move(fn));
  }
}

}  // namespace detail

template <class Pool>
class TracedExecutor {
  using Target = std::remove_reference_t<Pool>;

 public:
  explicit TracedExecutor(Pool&& pool) : pool_(std::forward<Pool>(pool)) {}

  template <class Fn, class... Args>
  requires requires(Target& pool, BoundFunction<std::decay_t<Fn>> fn, Args&&... args) {
    pool.submit(std::move(fn), std::forward<Args>(args)...);
  }
  decltype(auto) submit(Fn&& fn, Args&&... args) {
    return pool_.submit(bind_context(std::forward<Fn>(fn)), std::forward<Args>(args)...);
  }

  template <class Fn, class... Args>
  requires requires(Target& pool, BoundFunction<std::decay_t<Fn>> fn, Args&&... args) {
    pool.post(std::move(fn), std::forward<Args>(args)...);
  }
  decltype(auto) post(Fn&& fn, Args&&... args) {
    return pool_.post(bind_context(std::forward<Fn>(fn)), std::forward<Args>(args)...);
  }

  template <class Fn, class... Args>
  requires requires(Target& pool, BoundFunction<std::decay_t<Fn>> fn, Args&&... args) {
    pool.execute(std::move(fn), std::forward<Args>(args)...);
  }
  decltype(auto) execute(Fn&& fn, Args&&... args) {
    return pool_.execute(bind_context(std::forward<Fn>(fn)), std::forward<Args>(args)...);
  }

  // An execution context of asio. `execute` calls the function at once where it may: on a thread of the pool.
  template <class Fn>
  requires requires(Target& pool) { pool.get_executor(); }
  void post(Fn&& fn) { detail::asio_post(pool_.get_executor(), bind_context(std::forward<Fn>(fn))); }
  template <class Fn>
  requires requires(Target& pool) { pool.get_executor(); }
  void execute(Fn&& fn) { detail::asio_dispatch(pool_.get_executor(), bind_context(std::forward<Fn>(fn))); }

 private:
  Pool pool_;
};

template <class Pool>
TracedExecutor(Pool&&) -> TracedExecutor<Pool>;

}  // namespace braintrust
