// Boost.Beast: its fields are read and written by two functions, on both sides.

#include <boost/beast/http.hpp>

#include <braintrust/tracing.h>

#include <string>

namespace http = boost::beast::http;

// [beast carrier]
template <class Fields>  // http::fields, or a request
auto trace_headers(Fields& fields) {
  return braintrust::HeaderAccess([&fields](const std::string& name) { return fields[name]; },
                                  [&fields](const std::string& name, const std::string& value) {
                                    value.empty() ? void(fields.erase(name)) : fields.set(name, value);
                                  });
}
// [beast carrier end]

// [beast]
http::response<http::string_body> handle(const http::request<http::string_body>& request) {
  const auto context = braintrust::extract_trace_context([&](const std::string& name) { return request[name]; });
  auto span = braintrust::start_span("handle", {.parent = context});

  http::request<http::string_body> further(http::verb::get, "/documents", 11);
  braintrust::inject_trace_context(trace_headers(further));  // and send it
  return {http::status::ok, 11};
}
// [beast end]
