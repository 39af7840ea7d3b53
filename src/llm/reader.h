#pragma once

// From the bytes of one HTTP exchange to `Facts`.
//
//   Facts request = read_request(endpoint, path, content_type, body, sink);
//   ResponseReader response(endpoint, path, {200, "text/event-stream"}, sink);
//   response.feed(bytes);                                    // as they come, cut anywhere
//   Facts facts = merge(request, response.finish(End::complete()));
//
// Whoever watches an HTTP client makes these, on the background thread, with copies of the bytes. Bodies may be anything:
// garbage gives facts that say little. Streams are told from plain bodies by their content type, or by their first bytes where
// it is missing or wrong.
//
// Threads: one at a time. Errors: nothing throws; what fails inside gives fewer facts (INST 1.4). Units: bytes.
// Source: INST 8 (streams), 9 (errors).

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "llm/endpoint.h"
#include "llm/facts.h"
#include "llm/media.h"

namespace braintrust::llm {

// `path` is that of the request, `sink` may be null: then media stay where they are.
Facts read_request(const Endpoint& endpoint, std::string_view path, std::string_view content_type, std::string_view body,
                   MediaSink* sink) noexcept;

struct ResponseHead {
  int status = 200;
  std::string_view content_type = {};
  std::string_view content_encoding = {};  // blank: the bytes are as they were before compression
};

// How an exchange came to its end.
struct End {
  bool broken = false;
  std::string error = {};  // plain text, for `broken`

  // The response is complete.
  static End complete() { return {}; }
  // It will not be: what the client says about it.
  static End broken_off(std::string_view error) { return {true, std::string(error)}; }
  // The program did not want the rest. Not an error (INST 9.4).
  static End abandoned() { return {}; }
};

class ResponseReader {
 public:
  // What may be kept of one response (INST 8.8).
  static constexpr std::size_t default_limit = std::size_t{64} * 1024 * 1024;

  ResponseReader(const Endpoint& endpoint, std::string_view path, const ResponseHead& head, MediaSink* sink,
                 std::size_t limit = default_limit) noexcept;
  ~ResponseReader();
  ResponseReader(ResponseReader&&) noexcept;
  ResponseReader& operator=(ResponseReader&&) noexcept;

  // The next bytes of the body.
  void feed(std::string_view bytes) noexcept;
  // Bytes are missing here. A stream goes on with its next event.
  void skip() noexcept;
  // Once, after the last byte.
  Facts finish(const End& end) noexcept;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace braintrust::llm
