#pragma once

// Context: which span is current, and how it goes along to other threads.
//
//   auto future = std::async(std::launch::async, bind_context([&] { return addition(client); }));
//
// Each thread has a stack of current spans; spans put themselves on it (span.h). `bind_context` makes a function run under the
// span that was current when it was bound, on whatever thread it is called, also after that span has ended. `TaskContext` is
// what coroutines and executors are made of: a stack of its own for one logical task, which may be resumed anywhere.
//
// Threads: `bind_context` results like any callable; a `TaskContext` is active on one thread at a time.
// Errors: none. Cost: about 100 bytes a bound function, a few nanoseconds a call; nothing without a logger.

#include <type_traits>
#include <utility>

#include <braintrust/trace/span.h>

namespace braintrust {

// While it lives, `span` is current on this thread. For spans that were made with `set_current = false` or that another thread
// owns.
class [[nodiscard]] ContextScope {
 public:
  explicit ContextScope(const SpanHandle& span) noexcept;
  ~ContextScope();
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;

 private:
  bool pushed_;
  SpanHandle span_;
};

// `fn`, to be called under the span that is current now.
template <class Fn>
auto bind_context(Fn&& fn) {
  return [span = current_span(), fn = std::forward<Fn>(fn)]<class... Args>(Args&&... args) mutable -> decltype(auto) {
    const ContextScope scope(span);
    return fn(std::forward<Args>(args)...);
  };
}

// The stack of current spans of one logical task: a coroutine, a request in an event loop. It begins with the span that is
// current where it is made; spans started while it is active stay on it, whatever thread activates it next.
class TaskContext {
 public:
  TaskContext() noexcept;
  ~TaskContext();
  TaskContext(const TaskContext&) = delete;
  TaskContext& operator=(const TaskContext&) = delete;

  // Activates the task's stack on this thread; the former one is back when the scope ends.
  class [[nodiscard]] Scope {
   public:
    explicit Scope(TaskContext& task) noexcept;
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    void* former_;
  };

 private:
  void* stack_;
};

}  // namespace braintrust
