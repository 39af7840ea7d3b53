#pragma once

// Context: which span is current, and how it goes along to other threads.
//
//   auto future = std::async(std::launch::async, bind_context([&] { return addition(client); }));
//
// Each thread has a stack of current spans; spans put themselves on it (span.h). `bind_context` makes a function run under the
// span that was current when it was bound, on whatever thread it is called, also after that span has ended. For thread pools
// see executor.h, for coroutines coroutine.h and asio.h. `TaskContext` is for schedulers of your own: a stack for one logical
// task, which may be resumed anywhere. The prompt that is traced (api/prompt.h) is carried like the current span.
//
// Threads: `bind_context` results like the function they hold; a `TaskContext` is active on one thread at a time.
// Errors: none. Cost: about 100 bytes a bound function, a few nanoseconds a call; without a logger, only the bytes.

#include <atomic>
#include <functional>
#include <memory>
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
};

namespace detail {

struct PromptNode;

// False until a prompt is first traced: programs without prompts pay one look at it.
inline constinit std::atomic<bool> prompts_are_marked = false;

// The prompt that model calls are marked with here (`BuiltPrompt::trace`, api/prompt.h), to be taken along.
class PromptHandle {
 public:
  static PromptHandle current() noexcept {
    return prompts_are_marked.load(std::memory_order_relaxed) ? find() : PromptHandle(nullptr);
  }
  PromptHandle(const PromptHandle& other) noexcept;
  PromptHandle(PromptHandle&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  PromptHandle& operator=(PromptHandle other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~PromptHandle() {
    if (node_ != nullptr) drop();
  }
  PromptNode* node() const noexcept { return node_; }

 private:
  explicit PromptHandle(PromptNode* node) noexcept : node_(node) {}
  static PromptHandle find() noexcept;
  void drop() noexcept;
  PromptNode* node_;
};

// A bound function's call: `span` is current, and what coroutines leave behind in the call ends with it.
class [[nodiscard]] BoundScope {
 public:
  BoundScope(const SpanHandle& span, const PromptHandle& prompt) noexcept : pushed_(tracing() && push(span, prompt)) {}
  ~BoundScope() {
    if (pushed_) pop();
  }
  BoundScope(const BoundScope&) = delete;
  BoundScope& operator=(const BoundScope&) = delete;

 private:
  bool push(const SpanHandle& span, const PromptHandle& prompt) noexcept;
  void pop() noexcept;
  bool pushed_;
};

}  // namespace detail

// What `bind_context` makes: called like the function it holds, and copied or only moved as that can be.
template <class Fn>
class BoundFunction {
 public:
  BoundFunction(SpanHandle span, Fn fn) noexcept(std::is_nothrow_move_constructible_v<Fn>)
      : span_(std::move(span)), fn_(std::move(fn)) {}

  template <class... Args>
  requires std::is_invocable_v<Fn&, Args...>
  decltype(auto) operator()(Args&&... args) & noexcept(std::is_nothrow_invocable_v<Fn&, Args...>) {
    const detail::BoundScope scope(span_, prompt_);
    return std::invoke(fn_, std::forward<Args>(args)...);
  }
  template <class... Args>
  requires std::is_invocable_v<const Fn&, Args...>
  decltype(auto) operator()(Args&&... args) const& noexcept(std::is_nothrow_invocable_v<const Fn&, Args...>) {
    const detail::BoundScope scope(span_, prompt_);
    return std::invoke(fn_, std::forward<Args>(args)...);
  }
  template <class... Args>
  requires std::is_invocable_v<Fn, Args...>
  decltype(auto) operator()(Args&&... args) && noexcept(std::is_nothrow_invocable_v<Fn, Args...>) {
    const detail::BoundScope scope(span_, prompt_);
    return std::invoke(std::move(fn_), std::forward<Args>(args)...);
  }

 private:
  SpanHandle span_;
  detail::PromptHandle prompt_ = detail::PromptHandle::current();
  Fn fn_;
};

// `fn`, to be called under the span that is current now. Where none is, it runs under whatever is current where it is called.
template <class Fn>
BoundFunction<std::decay_t<Fn>> bind_context(Fn&& fn) {
  return {current_span(), std::forward<Fn>(fn)};
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

// What coroutine.h and asio.h are made of.
namespace detail {

struct ContextStack;
struct ParkedEntries;

// The current spans of a coroutine while it is suspended.
class ParkedContext {
 public:
  ParkedContext() = default;
  ~ParkedContext();
  ParkedContext(const ParkedContext&) = delete;
  ParkedContext& operator=(const ParkedContext&) = delete;

  // Takes the running coroutine's spans off this thread. Spans of the plain functions below it stay.
  void take() noexcept;
  // Makes them current on this thread, and ends every loan.
  void put_back() noexcept;

  // Leaves the innermost of them on this thread as well, for a coroutine that starts now. To be asked before the coroutine can
  // be resumed elsewhere; afterwards only the loan may be touched.
  class Loan {
   public:
    Loan() = default;
    Loan(Loan&& other) noexcept : parked_(std::exchange(other.parked_, nullptr)) {}
    Loan& operator=(Loan&&) = delete;
    ~Loan();
    void take_back() noexcept;  // on the thread it was made on

   private:
    friend class ParkedContext;
    explicit Loan(ParkedEntries* parked) noexcept;
    ParkedEntries* parked_ = nullptr;
  };
  Loan lend() noexcept;

 private:
  ParkedEntries* parked_ = nullptr;
};

// The current spans of a task at one moment; never changed.
using ContextImage = std::shared_ptr<const ContextStack>;

// A logical task that an executor runs in parts, one after the other or several at once. It begins with the span that is
// current where it is made. Each part runs on a stack of its own, a copy of what was current where the part was submitted.
class ContextTask {
 public:
  ContextTask() noexcept;
  ~ContextTask();
  ContextTask(const ContextTask&) = delete;
  ContextTask& operator=(const ContextTask&) = delete;

  bool carries() const noexcept;  // false: there was no logger; parts run under what is current on their threads

  // What is current now, if a part of this task runs on this thread; else `otherwise`.
  ContextImage image(const ContextImage& otherwise) const noexcept;

  // A part, while it runs.
  class [[nodiscard]] Part {
   public:
    // Without an image, it begins with what was current where the last part submitted something or ended.
    Part(ContextTask& task, const ContextImage& image) noexcept;
    ~Part();
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

   private:
    ContextTask& task_;
    std::shared_ptr<ContextStack> stack_;
    ContextStack* former_ = nullptr;
  };

  // For what runs inline at the end of a part without being of it: the stack that was active before is active again.
  void leave() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detail
}  // namespace braintrust
