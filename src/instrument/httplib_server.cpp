// What braintrust/instrument/httplib_server.h needs of the library's inside. Knows nothing of cpp-httplib.

#include <string>

#include <braintrust/trace/span.h>

#include "trace/capture.h"

namespace braintrust::httplib::detail {

void log_status(const SpanHandle& span, int status) noexcept {
  span.log({.metadata = {{"status", status}}});
  if (status >= 500) braintrust::detail::log_error_if_none(span.ref(), "HTTP " + std::to_string(status));
}

}  // namespace braintrust::httplib::detail
