#pragma once

// cpp-httplib's server, traced: wrap a handler, and each of its requests is a span.
//
//   const auto answer = [](const httplib::Request& request, httplib::Response& response) {
//     …                                       // spans started here, on this thread, are its children
//   };
//   server.Post("/answer", braintrust::httplib::traced_handler("/answer", answer));
//
// The span is named "POST /answer", and its `metadata` has method, path (without the query) and status. If the request brings
// W3C headers, it is a child of the caller's span (trace/propagation.h says where it goes then); else it begins a trace. A
// status of 500 or more is an error, "HTTP 503", unless the handler logged one of its own. An exception is recorded and goes on
// to what cpp-httplib does with it; which status comes of that is not known here, nor what comes of a `Range` afterwards.
//
// A body that a content provider makes belongs to the span: it ends when the body is sent, and until then it is current on its
// thread. That it could not be sent to its end is an error.
//
// Handlers with a content reader are wrapped likewise. Header-only and compiled by you, as httplib.h beside it.
//
// Threads: as cpp-httplib's: a handler is called from several at a time. Without a logger a handler is only called.
// Errors: none of its own. Source: INST 19.

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <httplib.h>

#include <braintrust/trace/propagation.h>
#include <braintrust/trace/span.h>

namespace braintrust::httplib {

struct HandlerOptions {
  // Bodies are logged: parsed where they say that they are JSON, as a text otherwise. Not those that pass through a content
  // reader or provider.
  bool log_input = false;
  bool log_output = false;
  // False: the request's headers are not looked at, and each request begins a trace. For servers that strangers can reach, who
  // could otherwise choose trace and project.
  bool accept_parent = true;
};

namespace detail {

// Logs the status that a handler left, and for 500 and more an error, unless the span has one.
void log_status(const SpanHandle& span, int status) noexcept;

inline Field body_field(std::string_view body, std::string_view content_type) {
  if (body.empty() || !braintrust::detail::tracing()) return {};
  return content_type.starts_with("application/json") ? Field(Json::raw(body)) : Field(body);
}

// The span goes on until the body has been sent.
inline void end_with_content(Span span, bool has_body, ::httplib::Response& response) {
  response.content_provider_resource_releaser_ = [span = std::make_shared<Span>(std::move(span)), has_body,
                                                  releaser =
                                                      std::move(response.content_provider_resource_releaser_)](bool sent) {
    if (releaser) releaser(sent);
    if (has_body && !sent) span->log({.error = "the body was not sent to its end"});
    span->end();
  };
}

template <class Handler>
class TracedHandler {
 public:
  TracedHandler(std::string pattern, Handler handler, const HandlerOptions& options, const Site& site)
      : pattern_(std::move(pattern)), handler_(std::move(handler)), options_(options), site_(site) {}

  // `Reader`: nothing, or the content reader.
  template <class... Reader>
  requires std::invocable<Handler&, const ::httplib::Request&, ::httplib::Response&, Reader...>
  void operator()(const ::httplib::Request& request, ::httplib::Response& response, Reader&&... reader) {
    if (!braintrust::detail::tracing()) return void(handler_(request, response, std::forward<Reader>(reader)...));
    Span span = start(request);
    span.run([&] { handler_(request, response, std::forward<Reader>(reader)...); });
    // Where the handler says nothing, httplib answers so.
    const int usual = request.ranges.empty() ? 200 : 206;
    log_status(span.handle(), response.status != -1 ? response.status : usual);
    if (options_.log_output) span.log({.output = body_field(response.body, response.get_header_value("Content-Type"))});
    if (response.content_provider_) end_with_content(std::move(span), request.method != "HEAD", response);
  }

 private:
  Span start(const ::httplib::Request& request) const {
    const TraceContext caller = options_.accept_parent ? extract_trace_context(request.headers) : TraceContext();
    const std::string_view body = options_.log_input ? std::string_view(request.body) : std::string_view();
    return start_span(request.method + " " + pattern_,
                      {.type = SpanType::task,
                       .input = body_field(body, request.get_header_value("Content-Type")),
                       .metadata = {{"method", request.method}, {"path", request.path}},
                       .parent = caller},
                      site_);
  }

  std::string pattern_;
  Handler handler_;
  HandlerOptions options_;
  Site site_;
};

}  // namespace detail

// `pattern`: what the handler is registered under, which a request does not tell.
template <class Handler>
detail::TracedHandler<std::decay_t<Handler>> traced_handler(std::string pattern, Handler&& handler,
                                                            const HandlerOptions& options = {}, Site site = Site::current()) {
  return {std::move(pattern), std::forward<Handler>(handler), options, site};
}

}  // namespace braintrust::httplib
