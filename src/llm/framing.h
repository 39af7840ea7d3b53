#pragma once

// `Framing`: cuts the bytes of a stream into events.
//
// One for each wire format: sse.cpp, ndjson.cpp, event_stream.cpp, json_array.cpp. Bytes come cut anywhere; an event is handed
// on when its last byte is there. Work is proportional to the bytes; what is kept is the event that is not complete yet, and an
// event of more than `limit` bytes is dropped.
//
// Threads: plain objects. Errors: what is no event is skipped. Units: bytes.

#include <cstddef>
#include <memory>
#include <string_view>

namespace braintrust::llm {

class EventSink {
 public:
  virtual ~EventSink() = default;
  // `name` is blank where the format or the event has none. Both are valid during the call.
  virtual void event(std::string_view name, std::string_view data) = 0;
  // The stream itself says that it failed.
  virtual void failure(std::string_view kind, std::string_view data) = 0;
};

class Framing {
 public:
  virtual ~Framing() = default;
  virtual void feed(std::string_view bytes, EventSink& sink) = 0;
  // Bytes are missing here: go on with the next event.
  virtual void skip() = 0;
  // No more bytes: an event that only lacks its end is handed on.
  virtual void finish(EventSink& sink) = 0;
};

// Server-sent events (WHATWG HTML, 9.2): event and data fields; data of several lines is joined with newlines.
std::unique_ptr<Framing> sse_framing(std::size_t limit);
// A JSON value a line.
std::unique_ptr<Framing> ndjson_framing(std::size_t limit);
// application/vnd.amazon.eventstream. The name is :event-type; exceptions and errors are failures.
std::unique_ptr<Framing> event_stream_framing(std::size_t limit);
// The elements of one JSON array.
std::unique_ptr<Framing> json_array_framing(std::size_t limit);

}  // namespace braintrust::llm
