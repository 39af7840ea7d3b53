#pragma once

// `Dialect`: one API of one provider, as read_request and ResponseReader (reader.h) see it.
//
// A dialect is a file of this room that defines one constant for each of its APIs; registry.cpp says which paths lead to it.
// Reading a request is one function. A response is read by an object that gets either one whole body or events one by one; it
// keeps what the events add up to, under the provider's own indices (INST 8.7).
//
// Threads: pure but for the parser's own state. Errors: what is missing or of another type is left out; nothing throws but
// std::bad_alloc. Units: bytes. Source: INST 4 to 18; each dialect names its own section.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "llm/json_text.h"
#include "llm/json_view.h"
#include "llm/media.h"
#include "llm/metrics.h"

namespace braintrust::llm {

// Where a call goes.
struct CallTarget {
  std::string_view provider;
  std::string_view path;
};

// What a request says. The reader adds provider and model to the metadata.
struct Request {
  std::string name = {};
  std::string input = {};    // JSON text
  std::string model = {};    // plain text
  ObjectText metadata = {};  // settings and tools, nothing else (INST 6.3)
};

// What a response says.
struct Answer {
  std::string output = {};  // JSON text
  std::string model = {};   // plain text
  Metrics metrics = {};
  std::string error = {};  // plain text: the call failed although HTTP says it did not (INST 9.5)
};

class ResponseParser {
 public:
  virtual ~ResponseParser() = default;
  virtual void body(JsonView body) = 0;
  // `name`: the event's, where the stream names its events.
  virtual void event(std::string_view name, JsonView data) = 0;
  // Once, after the last event: what they add up to goes to `answer`.
  virtual void end_of_events() = 0;

  Answer answer = {};

  // Text that events may add up to (INST 8.8).
  void set_limit(std::size_t bytes) { room_ = bytes; }
  // Something is missing in what was collected: the limit was reached, or bytes of the stream were not seen.
  bool incomplete() const { return incomplete_; }
  void mark_incomplete() { incomplete_ = true; }

 protected:
  // Whether there is room for so much more text, which is then taken.
  bool take_room(std::size_t bytes) {
    if (bytes > room_) {
      room_ = 0;
      incomplete_ = true;
      return false;
    }
    room_ -= bytes;
    return true;
  }
  void append(std::string& to, std::string_view text) {
    if (take_room(text.size())) to += text;
  }
  // What is replaced makes room for what replaces it.
  void assign(std::string& to, std::string_view text) {
    if (to != text && take_room(text.size() - std::min(text.size(), to.size()))) to = text;
  }
  // The next piece of one member of an object that comes in pieces. What holds nothing takes no value's place.
  void join(JoinedMembers& to, std::string_view key, JsonView piece) {
    if (key.find('\\') != std::string_view::npos) return;  // may be one of those that are read by name
    auto member = std::find_if(to.begin(), to.end(), [&](const JoinedMember& one) { return one.key == key; });
    if (member == to.end()) {
      if (to.size() >= most_joined) return mark_incomplete();
      if (!take_room(key.size() + sizeof(JoinedMember))) return;
      member = to.insert(to.end(), {std::string(key), {}, {}});
    }
    const bool holds_something = piece && !piece.is_empty_container();
    if (piece.is_array() && holds_something) {
      if (take_room(piece.text().size())) member->elements.add_elements(piece);
    } else if (holds_something || member->last.empty()) {
      assign(member->last, piece.text());
    }
  }
  // Whether one more index may be kept; a stream that counts up for ever is cut off.
  bool may_keep(std::uint64_t index) {
    if (index < most_indices) return true;
    incomplete_ = true;
    return false;
  }

 private:
  static constexpr std::uint64_t most_indices = 100'000;
  static constexpr std::size_t most_joined = 64;  // of one object
  std::size_t room_ = 0;
  bool incomplete_ = false;
};

// The framing of a stream where its content type does not tell.
enum class JsonStream { none, array, lines, messages };

struct Dialect {
  std::string_view instrumentation;  // INST 3.8
  Request (*read_request)(const CallTarget& call, JsonView body);
  std::unique_ptr<ResponseParser> (*new_response)(const CallTarget& call);
  std::span<const MediaFormat> (*media)();
  JsonStream json_stream = JsonStream::none;
  // For events that wrap one of the model's own: its text. Null where they do not.
  std::string (*unwrap_event)(JsonView event) = nullptr;
};

// "HTTP 429 rate_limit_error: slow down": `kind` (may be blank), then what a body says in any of the usual places. Blank when
// it holds no error.
std::string error_in(JsonView body, std::string_view kind);
// "HTTP 503: no healthy upstream": of a body that is no JSON. `kind` alone when it is no text.
std::string error_in_text(std::string_view body, std::string_view kind);

}  // namespace braintrust::llm
