#include "otel/span_record.h"

#include <exception>
#include <type_traits>
#include <unordered_set>

namespace braintrust::otel::detail {
namespace {

using opentelemetry::common::AttributeValue;
using opentelemetry::common::KeyValueIterable;
using opentelemetry::common::SystemTimestamp;
using opentelemetry::nostd::get_if;
using opentelemetry::nostd::span;
using opentelemetry::nostd::string_view;

// An owned value as one that is only looked at.
struct HandOn {
  sdk::trace::Recordable& otlp;
  string_view key;

  template <class T>
  void operator()(const T& value) const {
    if constexpr (std::is_same_v<T, std::string>) {
      set(string_view(value.data(), value.size()));
    } else {
      set(value);
    }
  }
  template <class T>
  void operator()(const std::vector<T>& values) const {
    if constexpr (std::is_same_v<T, std::string>) {
      std::vector<string_view> views(values.begin(), values.end());
      set(span<const string_view>(views.data(), views.size()));
    } else if constexpr (std::is_same_v<T, bool>) {
      const auto bools = std::make_unique<bool[]>(values.size());
      for (std::size_t i = 0; i < values.size(); ++i) bools[i] = values[i];
      set(span<const bool>(bools.get(), values.size()));
    } else {
      set(span<const T>(values.data(), values.size()));
    }
  }
  void set(const AttributeValue& value) const { otlp.SetAttribute(key, value); }
};

}  // namespace

const SpanRecord::Value* SpanRecord::find(std::string_view key) const noexcept {
  for (std::size_t i = attributes.size(); i-- > 0;) {
    if (attributes[i].first == key) return &attributes[i].second;
  }
  return nullptr;
}

std::string_view SpanRecord::text(std::string_view key) const noexcept {
  const Value* const value = find(key);
  const auto* const text = value != nullptr ? get_if<std::string>(value) : nullptr;
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

std::unique_ptr<sdk::trace::Recordable> SpanRecord::finish() {
  std::unordered_set<std::string_view> seen;
  std::vector<const Attribute*> last;
  for (std::size_t i = attributes.size(); i-- > 0;) {
    if (seen.insert(attributes[i].first).second) last.push_back(&attributes[i]);
  }
  for (std::size_t i = last.size(); i-- > 0;) {
    const string_view key(last[i]->first.data(), last[i]->first.size());
    opentelemetry::nostd::visit(HandOn{*otlp_, key}, last[i]->second);
  }
  otlp_->SetName(name);
  return std::move(otlp_);
}

void SpanRecord::SetIdentity(const api::SpanContext& context, api::SpanId parent_id) noexcept {
  id = context.span_id();
  parent = parent_id;
  otlp_->SetIdentity(context, parent_id);
}

void SpanRecord::SetAttribute(string_view key, const AttributeValue& value) noexcept {
  try {
    attributes.emplace_back(std::string(key.data(), key.size()),
                            opentelemetry::nostd::visit(sdk::common::AttributeConverter(), value));
  } catch (const std::exception&) {  // out of memory
  }
}

void SpanRecord::AddEvent(string_view event, SystemTimestamp at, const KeyValueIterable& more) noexcept {
  otlp_->AddEvent(event, at, more);
}

void SpanRecord::AddLink(const api::SpanContext& context, const KeyValueIterable& more) noexcept {
  otlp_->AddLink(context, more);
}

void SpanRecord::SetStatus(api::StatusCode code, string_view description) noexcept {
  status = code;
  otlp_->SetStatus(code, description);
}

void SpanRecord::SetName(string_view new_name) noexcept {
  try {
    name.assign(new_name.data(), new_name.size());
  } catch (const std::exception&) {  // out of memory
  }
}

void SpanRecord::SetTraceFlags(api::TraceFlags flags) noexcept { otlp_->SetTraceFlags(flags); }

void SpanRecord::SetSpanKind(api::SpanKind new_kind) noexcept {
  kind = new_kind;
  otlp_->SetSpanKind(new_kind);
}

void SpanRecord::SetResource(const sdk::resource::Resource& resource) noexcept { otlp_->SetResource(resource); }

void SpanRecord::SetStartTime(SystemTimestamp start) noexcept { otlp_->SetStartTime(start); }

void SpanRecord::SetDuration(std::chrono::nanoseconds new_duration) noexcept {
  duration = new_duration;
  otlp_->SetDuration(new_duration);
}

void SpanRecord::SetInstrumentationScope(const sdk::trace::InstrumentationScope& scope) noexcept {
  instrumentation = scope.GetName();
  otlp_->SetInstrumentationScope(scope);
}

}  // namespace braintrust::otel::detail
