#pragma once

// `with_context`: the current span goes along with a coroutine that waits.
//
//   Task<std::string> answer(std::string question) {
//     auto span = braintrust::start_span("answer");
//     auto hits = co_await braintrust::with_context(search(question));   // a child of "answer", wherever it runs
//     co_return co_await braintrust::with_context(ask(hits));            // so is this one
//   }
//
// For the coroutines of any library. While the coroutine waits, its spans are not current on the thread it left, and whatever
// that thread runs next has none of them. They are current again where the coroutine resumes. A lazy task that is awaited so
// begins under the caller's current span.
//
// To be written at every `co_await` that may suspend under a span; the library sees no others. A coroutine that suspends by a
// plain `co_await` leaves its spans behind on its thread. (asio.h needs `with_context` only around the outermost coroutine.)
//
// Which spans are a coroutine's: those held in coroutines. A span that a plain function holds on its call stack (`main`, which
// starts coroutines and waits for them) stays current on that function's thread, and is the parent of what the coroutine starts
// when it has no span of its own. If one coroutine starts another by a plain call, not by awaiting it, say where the line is:
// `braintrust::bind_context([&] { start_in_background(work()); })();`
//
// The promise type of the awaiting coroutine has to accept awaiters that it does not know (asio's does not: asio.h); its
// `await_transform` sees this one in place of yours.
//
// Threads: the awaitable may resume the coroutine on any thread, also before it has returned from suspending it.
// Errors: exceptions of the awaitable pass on; the spans are back before. Cost: without a logger, a load and a branch; else one
// allocation for each suspension.

#include <coroutine>
#include <type_traits>
#include <utility>

#include <braintrust/trace/context.h>

namespace braintrust {

namespace detail {

// What `co_await awaitable` calls.
template <class Awaitable>
decltype(auto) awaiter_of(Awaitable&& awaitable) {
  if constexpr (requires { std::forward<Awaitable>(awaitable).operator co_await(); }) {
    return std::forward<Awaitable>(awaitable).operator co_await();
  } else if constexpr (requires { operator co_await(std::forward<Awaitable>(awaitable)); }) {
    return operator co_await(std::forward<Awaitable>(awaitable));
  } else {
    return static_cast<Awaitable&&>(awaitable);
  }
}

template <class Awaitable>
class ContextAwaiter {
 public:
  explicit ContextAwaiter(Awaitable&& awaitable) : awaiter_(awaiter_of(std::forward<Awaitable>(awaitable))) {}
  ContextAwaiter(const ContextAwaiter&) = delete;
  ContextAwaiter& operator=(const ContextAwaiter&) = delete;

  decltype(auto) await_ready() { return awaiter_.await_ready(); }

  template <class Promise>
  auto await_suspend(std::coroutine_handle<Promise> caller) {
    using Next = decltype(awaiter_.await_suspend(caller));
    parked_.take();
    // From here on the coroutine may resume elsewhere, and this object be gone: only `loan` is still ours.
    ParkedContext::Loan loan = parked_.lend();
    try {
      if constexpr (std::is_void_v<Next>) {
        awaiter_.await_suspend(caller);
        loan.take_back();
      } else if constexpr (std::is_same_v<Next, bool>) {
        const bool suspended = awaiter_.await_suspend(caller);
        loan.take_back();
        return suspended;
      } else {
        // The thread goes on with `next`: the task that was awaited, or with nothing.
        const std::coroutine_handle<> next = awaiter_.await_suspend(caller);
        if (next.address() == std::noop_coroutine().address()) loan.take_back();
        return next;
      }
    } catch (...) {  // it has not suspended
      parked_.put_back();
      throw;
    }
  }

  decltype(auto) await_resume() {
    parked_.put_back();
    return awaiter_.await_resume();
  }

 private:
  decltype(awaiter_of(std::declval<Awaitable>())) awaiter_;
  ParkedContext parked_;
};

}  // namespace detail

// What `with_context` makes; to be awaited once.
template <class Awaitable>
class [[nodiscard]] ContextAwaitable {
 public:
  explicit ContextAwaitable(Awaitable&& awaitable) : awaitable_(std::forward<Awaitable>(awaitable)) {}

  auto operator co_await() && { return detail::ContextAwaiter<Awaitable>(std::forward<Awaitable>(awaitable_)); }

 private:
  Awaitable awaitable_;
};

template <class Awaitable>
ContextAwaitable<Awaitable> with_context(Awaitable&& awaitable) {
  return ContextAwaitable<Awaitable>(std::forward<Awaitable>(awaitable));
}

}  // namespace braintrust
