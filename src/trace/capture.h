#pragma once

// Fields of an open span that only instrumentation sets: captured bytes to be interpreted later, the instrumentation's name.
//
// Threads: any. Errors: nothing throws; out of memory the field is lost and told.

#include <initializer_list>
#include <string_view>

#include <braintrust/trace/span.h>

#include "trace/record.h"

namespace braintrust::detail {

// `pieces`, one behind the other, are what `interpret` gets.
void log_deferred(const SpanRef& span, Interpret interpret, std::initializer_list<std::string_view> pieces) noexcept;
void log_instrumentation(const SpanRef& span, std::string_view name) noexcept;

// Logs an error on an open span that has none yet.
void log_error_if_none(const SpanRef& span, std::string_view message) noexcept;

}  // namespace braintrust::detail
