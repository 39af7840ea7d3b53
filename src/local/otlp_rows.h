#pragma once

// `otlp_row`: a span that came by OTLP, as a row of the project or experiment it belongs to.
//
//   const auto parent = otlp_parent(span);         // "project_name:…"; blank if it does not say
//   rows += otlp_row(request, scope, span, R"("project_id":"…","log_id":"g")");
//
// Nothing is lost: what no field is for stands in `metadata`, attributes under their own names, and under `metadata.otel`
// whatever is no attribute of the span: `kind`, `resource`, `scope`, `events`, `links`, `trace_state`, what was dropped on the
// way, and attributes whose name is a field of another meaning.
//
// A row's id is made of its trace and span ids, so that a span that is sent twice is one row; it says `_is_merge`, so that
// feedback on it stays.
//
// Threads: pure functions. Errors: none; the caller has seen that the span has both ids. Source: INST 3.22, 22; PROTO 19.1.

#include <string>
#include <string_view>

#include "local/otlp_request.h"

namespace braintrust::local {

// The span's own word on where it belongs.
std::string otlp_parent(const OtlpSpan& span);

// `container`: the members of the row that name the object it belongs to.
std::string otlp_row(const OtlpRequest& request, const OtlpScopeSpans& scope, const OtlpSpan& span, std::string_view container);

}  // namespace braintrust::local
