#include "otel/parents.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>
#include <mutex>
#include <unordered_map>

#include <braintrust/otel.h>
#include <opentelemetry/baggage/baggage.h>
#include <opentelemetry/baggage/baggage_context.h>
#include <opentelemetry/context/runtime_context.h>
#include <opentelemetry/trace/default_span.h>

#include "core/environment.h"
#include "pipeline/background_thread.h"
#include "pipeline/container.h"
#include "trace/trace_headers.h"

namespace braintrust::otel {
namespace detail {
namespace {

using braintrust::detail::most_container_bytes;
using opentelemetry::context::Context;
using opentelemetry::nostd::get_if;
using opentelemetry::nostd::shared_ptr;
using opentelemetry::trace::DefaultSpan;
using opentelemetry::trace::SpanContext;

// Values of a context cannot be texts; but they can be spans.
class ParentValue final : public DefaultSpan {
 public:
  explicit ParentValue(std::string_view parent) : DefaultSpan(SpanContext::GetInvalid()), parent_(parent) {}
  const std::string& parent() const noexcept { return parent_; }

 private:
  const std::string parent_;
};

// A span's id as a number that is no less random than it is.
std::uint64_t key_of(const opentelemetry::trace::SpanId& id) noexcept {
  std::uint64_t key = 0;
  std::memcpy(&key, id.Id().data(), sizeof key);
  return key;
}

class Memory {
 public:
  // Nothing may be half done when the process is copied.
  static Memory& of_process() {
    static Memory* const memory = [] {
      auto* const made = new Memory;  // never destroyed: spans may end while static objects go
      for_fork = made;
      pipeline::on_fork([] { for_fork->for_each([](Shard& shard) { shard.mutex.lock(); }); }, unlock_all, unlock_all);
      return made;
    }();
    return *memory;
  }

  void remember(std::uint64_t span, std::string_view parent) {
    Shard& shard = shard_of(span);
    const std::lock_guard lock(shard.mutex);
    if (shard.parents.insert_or_assign(span, std::string(parent)).second) count_.fetch_add(1, std::memory_order_relaxed);
  }

  std::string find(std::uint64_t span) {
    if (count_.load(std::memory_order_relaxed) == 0) return {};
    Shard& shard = shard_of(span);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.parents.find(span);
    return found != shard.parents.end() ? found->second : std::string();
  }

  void ended(std::uint64_t span) {
    if (count_.load(std::memory_order_relaxed) == 0) return;
    Shard& shard = shard_of(span);
    const std::lock_guard lock(shard.mutex);
    if (shard.parents.count(span) == 0) return;
    shard.ended.push_back(span);
    if (shard.ended.size() <= ended_parents_kept) return;
    count_.fetch_sub(shard.parents.erase(shard.ended.front()), std::memory_order_relaxed);
    shard.ended.pop_front();
  }

  std::size_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, std::string> parents;
    std::deque<std::uint64_t> ended;  // the oldest first
  };

  static void unlock_all() {
    for_fork->for_each([](Shard& shard) { shard.mutex.unlock(); });
  }
  template <class F>
  void for_each(F f) {
    for (Shard& shard : shards_) f(shard);
  }
  Shard& shard_of(std::uint64_t span) noexcept { return shards_[(span >> 32) % shards_.size()]; }

  static inline Memory* for_fork = nullptr;
  std::atomic<std::size_t> count_ = 0;
  std::array<Shard, 16> shards_;
};

// What `with_parent` or the baggage of a context says; or blank.
std::string parent_in(const Context& context) {
  const auto value = context.GetValue(parent_key);
  if (const auto* const span = get_if<shared_ptr<opentelemetry::trace::Span>>(&value)) {
    if (const auto* const parent = dynamic_cast<const ParentValue*>(span->get())) return parent->parent();
  }
  const auto carried = context.GetValue(opentelemetry::baggage::kBaggageHeader);
  if (const auto* const baggage = get_if<shared_ptr<opentelemetry::baggage::Baggage>>(&carried)) {
    std::string parent;
    // It comes from outside: what names no place is as if it were not there (INST 19.22).
    if (*baggage != nullptr && (*baggage)->GetValue(parent_key, parent) && parent.size() <= most_container_bytes &&
        pipeline::read_container(parent)) {
      return parent;
    }
  }
  return {};
}

}  // namespace

std::string parent_below(const Context& context, const SpanContext& parent) {
  std::string place = parent_in(context);
  if (braintrust::detail::is_blank(place) && parent.IsValid()) place = Memory::of_process().find(key_of(parent.span_id()));
  return place;
}

void place(SpanRecord& span, const SpanContext& parent, std::string_view otherwise) {
  using braintrust::detail::is_blank;
  std::string place(span.text(parent_key));
  if (is_blank(place)) {
    place = parent_below(opentelemetry::context::RuntimeContext::GetCurrent(), parent);
    if (is_blank(place)) place = otherwise;
    if (is_blank(place)) return;
    span.attributes.emplace_back(parent_key, place);
  }
  if (place != otherwise) Memory::of_process().remember(key_of(span.id), place);
}

void forget_later(const SpanRecord& span) noexcept {
  try {
    Memory::of_process().ended(key_of(span.id));
  } catch (const std::exception&) {  // out of memory: it stays remembered
  }
}

void prepare_parents() { static_cast<void>(Memory::of_process()); }

std::size_t remembered_parents() { return Memory::of_process().count(); }

}  // namespace detail

opentelemetry::context::Context with_parent(const opentelemetry::context::Context& context, std::string_view parent) {
  using opentelemetry::nostd::shared_ptr;
  const shared_ptr<opentelemetry::trace::Span> value(new detail::ParentValue(parent));
  return opentelemetry::context::Context(context).SetValue(detail::parent_key, value);
}

}  // namespace braintrust::otel
