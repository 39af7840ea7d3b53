#include "otel/keep_rule.h"

#include <algorithm>
#include <exception>
#include <string>
#include <type_traits>

#include <braintrust/core/diagnostics.h>

namespace braintrust::otel {
namespace detail {
namespace {

using braintrust::detail::report;

constexpr std::string_view ai_prefixes[] = {"gen_ai.", "braintrust.", "llm.", "ai.", "traceloop."};
// Set on every span by processors: they say where it goes, not what it is (INST 21.4).
constexpr std::string_view system_attributes[] = {parent_key, "braintrust.org", "braintrust.app_url",
                                                  "braintrust.context_json"};

}  // namespace

bool is_ai_attribute(std::string_view key) noexcept {
  return std::any_of(std::begin(ai_prefixes), std::end(ai_prefixes), [&](auto prefix) { return key.starts_with(prefix); }) &&
         std::find(std::begin(system_attributes), std::end(system_attributes), key) == std::end(system_attributes);
}

bool KeepRule::keeps(const SpanRecord& span) noexcept {
  if (custom_) {
    try {
      if (const std::optional<bool> opinion = custom_(EndedSpan(span))) return *opinion;
    } catch (const std::exception& error) {
      report(Severity::warning, ErrorCode::callback_failed,
             std::string("a span processor's custom filter threw: ") + error.what());
    } catch (...) {
      report(Severity::warning, ErrorCode::callback_failed, "a span processor's custom filter threw what is no exception");
    }
  }
  if (!only_ai_) return true;
  const auto is_ai = [](const SpanRecord::Attribute& attribute) { return is_ai_attribute(attribute.first); };
  if (std::any_of(span.attributes.begin(), span.attributes.end(), is_ai)) return true;
  if (span.parent.IsValid()) return false;
  if (keep_roots_) return true;
  if (!told_of_roots_.exchange(true, std::memory_order_relaxed)) {
    report(
        Severity::info, ErrorCode::invalid_argument,
        "a root span without AI attributes was filtered; spans below it have a parent that is not sent (see keep_root_spans)");
  }
  return false;
}

}  // namespace detail

std::string_view EndedSpan::name() const noexcept { return record_.name; }
std::string_view EndedSpan::instrumentation() const noexcept { return record_.instrumentation; }
bool EndedSpan::has_parent() const noexcept { return record_.parent.IsValid(); }
opentelemetry::trace::SpanKind EndedSpan::kind() const noexcept { return record_.kind; }
opentelemetry::trace::StatusCode EndedSpan::status() const noexcept { return record_.status; }
std::chrono::nanoseconds EndedSpan::duration() const noexcept { return record_.duration; }

namespace {

struct ToValue {
  EndedSpan::Value operator()(bool value) const { return value; }
  EndedSpan::Value operator()(double value) const { return value; }
  EndedSpan::Value operator()(const std::string& value) const { return std::string_view(value); }
  template <class T>
  EndedSpan::Value operator()(T value) const requires std::is_integral_v<T> {
    return static_cast<std::int64_t>(value);
  }
  EndedSpan::Value operator()(const std::vector<std::string>& values) const {
    return std::vector<std::string_view>(values.begin(), values.end());
  }
  template <class T>
  EndedSpan::Value operator()(const std::vector<T>&) const {
    return {};
  }
};

}  // namespace

EndedSpan::Value EndedSpan::attribute(std::string_view key) const {
  const detail::SpanRecord::Value* const found = record_.find(key);
  return found != nullptr ? opentelemetry::nostd::visit(ToValue(), *found) : Value();
}

bool EndedSpan::any_key(const std::function<bool(std::string_view)>& test) const {
  return std::any_of(record_.attributes.begin(), record_.attributes.end(),
                     [&](const auto& attribute) { return test(attribute.first); });
}

}  // namespace braintrust::otel
