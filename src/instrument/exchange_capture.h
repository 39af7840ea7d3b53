#pragma once

// What an app thread writes down of an HTTP exchange, as deferred fields of its span, and what the background thread makes of
// it (llm/reader.h).
//
// A capture is a header of texts with their lengths, then the body. Threads: log_* from the app's; interpretation on the
// background thread. Errors: none.

#include <string_view>

#include <braintrust/trace/span.h>

#include "llm/endpoint.h"

namespace braintrust::instrument {

struct RequestCapture {
  std::string_view path = {};
  std::string_view content_type = {};
  std::string_view body = {};
};

struct ResponseCapture {
  std::string_view path = {};  // of the request
  int status = 0;
  std::string_view content_type = {};
  std::string_view content_encoding = {};
  std::string_view error = {};  // why it broke off; blank: it did not
  double seconds_to_first = 0;  // from the request to the first byte of the body; below zero: none came
  std::string_view head = {};   // the body, or its beginning …
  std::string_view tail = {};   // … and its end, when something between them was not kept
  bool cut = false;
};

void log_request(const detail::SpanRef& span, const llm::Endpoint& endpoint, const RequestCapture& request) noexcept;
void log_response(const detail::SpanRef& span, const llm::Endpoint& endpoint, const ResponseCapture& response) noexcept;

}  // namespace braintrust::instrument
