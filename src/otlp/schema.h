#pragma once

// The field numbers and enumerations of OTLP's messages that are read or written here, a namespace for each message.
//
// Source: opentelemetry-proto 1.3: collector/trace/v1, trace/v1, resource/v1, common/v1.

namespace braintrust::detail::otlp::schema {

namespace export_request {  // ExportTraceServiceRequest
inline constexpr unsigned resource_spans = 1;
}
namespace export_response {  // ExportTraceServiceResponse
inline constexpr unsigned partial_success = 1;
}
namespace partial_success {  // ExportTracePartialSuccess
inline constexpr unsigned rejected_spans = 1, error_message = 2;
}
namespace resource_spans {
inline constexpr unsigned resource = 1, scope_spans = 2;
}
namespace resource {
inline constexpr unsigned attributes = 1;
}
namespace scope_spans {
inline constexpr unsigned scope = 1, spans = 2;
}
namespace scope {  // InstrumentationScope
inline constexpr unsigned name = 1, version = 2, attributes = 3;
}
namespace span {
inline constexpr unsigned trace_id = 1, span_id = 2, trace_state = 3, parent_span_id = 4, name = 5, kind = 6, start_time = 7,
                          end_time = 8, attributes = 9, dropped_attributes = 10, events = 11, dropped_events = 12, links = 13,
                          dropped_links = 14, status = 15, flags = 16;
}
namespace event {
inline constexpr unsigned time = 1, name = 2, attributes = 3;
}
namespace link {
inline constexpr unsigned trace_id = 1, span_id = 2, trace_state = 3, attributes = 4;
}
namespace status {
inline constexpr unsigned message = 2, code = 3;
}
namespace key_value {
inline constexpr unsigned key = 1, value = 2;
}
namespace any_value {
inline constexpr unsigned string = 1, boolean = 2, integer = 3, number = 4, array = 5, list = 6, bytes = 7;
}
namespace values {  // ArrayValue, and KeyValueList, whose values are KeyValues
inline constexpr unsigned values = 1;
}

namespace span_kind {
inline constexpr unsigned unspecified = 0, internal = 1, server = 2, client = 3, producer = 4, consumer = 5;
}
namespace status_code {
inline constexpr unsigned unset = 0, ok = 1, error = 2;
}

}  // namespace braintrust::detail::otlp::schema
