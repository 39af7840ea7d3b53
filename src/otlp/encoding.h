#pragma once

// `Encoding`: OTLP's two forms of the same messages, protobuf and JSON: how a span is written, and what stands around spans in
// a request.
//
// Spans are written one behind the other, whenever they come; a request is then put around them in one go.
//
// Threads: pure, but for `Buffer`. Errors: none but memory. Source: opentelemetry-proto 1.3; the OTLP specification, "JSON
// Protobuf Encoding": ids in hex, 64 bits as strings, enumerations as numbers.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <braintrust/core/buffer.h>

#include "otlp/span.h"

namespace braintrust::detail::otlp {

// Who the spans come from. Keys and values are plain texts.
struct Resource {
  std::vector<std::pair<std::string, std::string>> attributes = {};
  std::string scope_name = {};
  std::string scope_version = {};
};

// What a server said of a request that it took.
struct PartialSuccess {
  std::uint64_t rejected_spans = 0;
  std::string message = {};
};

class Encoding {
 public:
  virtual std::string_view content_type() const noexcept = 0;
  // Appends one span to others. `end`: of a span that is open, in nanoseconds.
  virtual void add(const Span& span, std::uint64_t end, Buffer& spans) const = 0;
  // The body of a request that holds these spans: one piece that `add` wrote, or more of them.
  virtual std::string request(const Resource& resource, std::string_view spans) const = 0;
  virtual PartialSuccess read_response(std::string_view body) const = 0;

 protected:
  ~Encoding() = default;  // there are two, and nobody destroys them: spans are sent while static objects go
};

const Encoding& protobuf_encoding() noexcept;
const Encoding& json_encoding() noexcept;

}  // namespace braintrust::detail::otlp
