#pragma once

// `ServerEvents`: a stream of server-sent events, cut anywhere, as one call for each event.
//
// Plain and without mercy for damage, as one's own server deserves; models' streams, which may be torn and are only watched,
// are read by llm/framing.h.
//
// Threads: one. Errors: an event of more than `most_bytes` ends the reading. Source: the HTML standard, 9.2.6.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace braintrust::detail {

class ServerEvents {
 public:
  // False: no more is wanted.
  using Visit = std::function<bool(std::string_view name, std::string_view data)>;

  ServerEvents(Visit visit, std::size_t most_bytes) : visit_(std::move(visit)), most_bytes_(most_bytes) {}

  // False when no more is wanted, or an event is too long. An event that is not ended by a blank line is none.
  bool feed(std::string_view bytes);

  bool too_long() const { return too_long_; }

 private:
  bool end_line();

  const Visit visit_;
  const std::size_t most_bytes_;
  std::string line_, name_, data_;
  bool after_return_ = false;
  bool has_data_ = false;
  bool first_line_ = true;
  bool too_long_ = false;
};

}  // namespace braintrust::detail
