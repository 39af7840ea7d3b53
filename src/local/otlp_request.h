#pragma once

// `OtlpRequest`: what an ExportTraceServiceRequest says, whichever encoding it came in.
//
// Made by `decode_otlp_protobuf` and `decode_otlp_json`, read by `otlp_rows`. Values of attributes are JSON texts, since that
// is what they become: bytes are base64, numbers that JSON has not are strings, lists of keys and values are objects.
//
// Bounded: values lie at most `most_otlp_depth` deep in one another (what is deeper becomes "<max depth exceeded>"; JSON that
// is several times as deep is refused), and a request holds at most `most_otlp_items` spans, events, links, attributes and
// values, because a few bytes can be a large object here.
//
// Threads: plain values. Errors: none. Units: nanoseconds since 1970; 0 is "not said".
// Source: opentelemetry-proto 1.3, collector/trace/v1 and what it is made of.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace braintrust::local {

inline constexpr int most_otlp_depth = 100;
inline constexpr std::size_t most_otlp_items = 1'000'000;

struct OtlpAttribute {
  std::string key = {};
  std::string value = {};  // JSON text
};
using OtlpAttributes = std::vector<OtlpAttribute>;

struct OtlpEvent {
  std::uint64_t time = 0;
  std::string name = {};
  OtlpAttributes attributes = {};
};

// Ids are lower-case hex; blank where there is none, or what stands there is none.
struct OtlpLink {
  std::string trace_id = {};
  std::string span_id = {};
  std::string trace_state = {};
  OtlpAttributes attributes = {};
};

struct OtlpSpan {
  std::string trace_id = {};
  std::string span_id = {};
  std::string parent_span_id = {};
  std::string trace_state = {};
  std::string name = {};
  unsigned kind = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  OtlpAttributes attributes = {};
  std::vector<OtlpEvent> events = {};
  std::vector<OtlpLink> links = {};
  unsigned status_code = 0;
  std::string status_message = {};
  std::uint64_t dropped_attributes = 0;  // by the program's own limits
  std::uint64_t dropped_events = 0;
  std::uint64_t dropped_links = 0;
};

// The spans of one instrumentation scope in one process.
struct OtlpScopeSpans {
  std::size_t resource = 0;  // index into `resources`
  std::string scope_name = {};
  std::string scope_version = {};
  OtlpAttributes scope_attributes = {};
  std::vector<OtlpSpan> spans = {};
};

struct OtlpRequest {
  std::vector<OtlpAttributes> resources = {};
  std::vector<OtlpScopeSpans> scopes = {};
};

}  // namespace braintrust::local
