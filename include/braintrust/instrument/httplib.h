#pragma once

// cpp-httplib's client, traced: put `braintrust::httplib::Client` where your program has `httplib::Client`.
//
//   braintrust::httplib::Client client("https://api.openai.com");
//   auto answer = client.Post("/v1/chat/completions", headers, body, "application/json");   // an `llm` span
//
//   httplib::Request request;                     // streamed: the pieces pass through your receiver as ever
//   request.method = "POST"; request.path = "/v1/chat/completions"; request.body = body;
//   request.content_receiver = [&](const char* data, size_t size, auto...) { …; return true; };
//   client.send(request);
//
// It is an `httplib::Client` in every other respect. Traced: `send`, and `Post` with a body in memory, with or without a
// content receiver. Not traced: bodies that a content provider makes, multipart forms, and requests to hosts that are no model
// provider's (BRAINTRUST_AUTO_ENDPOINTS declares more). Instead of deriving, `braintrust::httplib::send(client, base, request)`
// traces one request of a client you have.
//
// Header-only and compiled by you, with your httplib.h and your CPPHTTPLIB_ macros, because the layout of its classes depends
// on them. Written against 0.11; later versions only add to what is used here. In a file that says `using namespace
// braintrust`, write `::httplib::` for the library's own names.
//
// Threads: as httplib::Client. Errors: as httplib::Client; none of its own. Source: INST 4, 8.

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <httplib.h>

#include <braintrust/instrument/call.h>

namespace braintrust::httplib {

namespace detail {

// The call that a POST of `body` to `path` of `base` is; a no-op where that is no model's.
inline llm::Call begin(std::string_view base, std::string_view path, std::string_view body, std::string_view content_type,
                       Site site) {
  while (base.ends_with('/')) base.remove_suffix(1);
  return llm::start_call({.request = body, .content_type = content_type, .url = std::string(base).append(path)}, site);
}

// What a whole answer tells.
inline void end(llm::Call& call, const ::httplib::Result& result, llm::CallEnd seen = {.status = 0}) {
  std::string content_type, content_encoding, error;
  if (result) {
    content_type = result->get_header_value("Content-Type");
    content_encoding = result->get_header_value("Content-Encoding");
    seen = {.status = result->status, .content_type = content_type, .content_encoding = content_encoding};
  } else if (result.error() != ::httplib::Error::Canceled) {  // the program's own receiver wanted no more (INST 9.4)
    error = "httplib: " + ::httplib::to_string(result.error());
    seen.error = error;
  }
  call.end(seen);
}

}  // namespace detail

// Sends `request` with `client`, which talks to `base` ("https://api.openai.com"), and records it if it is a model call.
template <class HttpClient>
::httplib::Result send(HttpClient& client, std::string_view base, ::httplib::Request request, Site site = Site::current()) {
  llm::Call call;
  if (request.method == "POST") {
    call = detail::begin(base, request.path, request.body, request.get_header_value("Content-Type"), site);
  }
  if (!call) return client.send(request);
  if (!request.content_receiver) {
    ::httplib::Result result = client.send(request);
    if (result) call.on_chunk(result->body);
    detail::end(call, result);
    return result;
  }

  // Of a refused request httplib hands the body to the receiver too; its head comes before.
  int status = 0;
  std::string content_type, content_encoding;
  request.content_receiver = [&call, receiver = std::move(request.content_receiver)](const char* data, auto size,
                                                                                     auto... rest) {
    call.on_chunk({data, static_cast<std::size_t>(size)});
    return receiver(data, size, rest...);
  };
  request.response_handler = [&, handler = std::move(request.response_handler)](const ::httplib::Response& head) {
    status = head.status;
    content_type = head.get_header_value("Content-Type");
    content_encoding = head.get_header_value("Content-Encoding");
    return handler ? handler(head) : true;
  };
  ::httplib::Result result = client.send(request);
  detail::end(call, result, {.status = status, .content_type = content_type, .content_encoding = content_encoding});
  return result;
}

class Client : public ::httplib::Client {
  using Text = const std::string&;
  using Headers = const ::httplib::Headers&;
  // Whether Post with these arguments is one of the traced forms.
  template <class... Arguments>
  static constexpr bool in_memory =
      std::is_invocable_v<void (*)(Text, Text, Text), Arguments...> ||
      std::is_invocable_v<void (*)(Text, Headers, Text, Text), Arguments...> ||
      std::is_invocable_v<void (*)(Text, Headers, Text, Text, ::httplib::ContentReceiver), Arguments...> ||
      std::is_invocable_v<void (*)(Text, const char*, std::size_t, Text), Arguments...> ||
      std::is_invocable_v<void (*)(Text, Headers, const char*, std::size_t, Text), Arguments...>;

 public:
  // "https://api.openai.com", "http://127.0.0.1:8000", and whatever arguments httplib::Client takes behind it.
  template <class... More>
  explicit Client(const std::string& base, More&&... more)
      : ::httplib::Client(base, std::forward<More>(more)...), base_(address(base, more...)) {}

  ::httplib::Result send(const ::httplib::Request& request, Site site = Site::current()) {
    return httplib::send(static_cast<::httplib::Client&>(*this), base_, request, site);
  }

  ::httplib::Result Post(const std::string& path, const std::string& body, const std::string& content_type,
                         Site site = Site::current()) {
    return post(path, body, content_type, site, path, body, content_type);
  }
  ::httplib::Result Post(const std::string& path, const ::httplib::Headers& headers, const std::string& body,
                         const std::string& content_type, Site site = Site::current()) {
    return post(path, body, content_type, site, path, headers, body, content_type);
  }
  ::httplib::Result Post(const std::string& path, const char* body, std::size_t size, const std::string& content_type,
                         Site site = Site::current()) {
    return post(path, {body, size}, content_type, site, path, body, size, content_type);
  }
  ::httplib::Result Post(const std::string& path, const ::httplib::Headers& headers, const char* body, std::size_t size,
                         const std::string& content_type, Site site = Site::current()) {
    return post(path, {body, size}, content_type, site, path, headers, body, size, content_type);
  }
  // With a receiver, which not every version of httplib::Client has for POST.
  ::httplib::Result Post(const std::string& path, const ::httplib::Headers& headers, const std::string& body,
                         const std::string& content_type, ::httplib::ContentReceiver receiver, Site site = Site::current()) {
    ::httplib::Request request;
    request.method = "POST";
    request.path = path;
    request.headers = headers;
    if (!content_type.empty()) request.set_header("Content-Type", content_type);
    request.body = body;
    if (receiver) {
      request.content_receiver = [receiver = std::move(receiver)](const char* data, auto size, auto...) {
        return receiver(data, static_cast<std::size_t>(size));
      };
    }
    return send(request, site);
  }
  // All other forms, as they are.
  template <class... Arguments>
  requires(!in_memory<Arguments...>) && requires(::httplib::Client& client, Arguments&&... arguments) {
    client.Post(std::forward<Arguments>(arguments)...);
  }
  ::httplib::Result Post(Arguments&&... arguments) { return ::httplib::Client::Post(std::forward<Arguments>(arguments)...); }

 private:
  // Without a scheme it is a host, as for httplib::Client.
  static std::string address(const std::string& base, int port) { return address(base) + ":" + std::to_string(port); }
  template <class... More>
  static std::string address(const std::string& base, int port, const More&...) {
    return address(base, port);
  }
  template <class... More>
  static std::string address(const std::string& base, const More&...) {
    return base.find("://") != std::string::npos ? base : "http://" + base;
  }

  // What httplib makes of its own arguments, watched.
  template <class... Arguments>
  ::httplib::Result post(std::string_view path, std::string_view body, std::string_view content_type, const Site& site,
                         const Arguments&... arguments) {
    llm::Call call = detail::begin(base_, path, body, content_type, site);
    ::httplib::Result result = ::httplib::Client::Post(arguments...);
    if (!call) return result;
    if (result) call.on_chunk(result->body);
    detail::end(call, result);
    return result;
  }

  std::string base_;
};

}  // namespace braintrust::httplib
