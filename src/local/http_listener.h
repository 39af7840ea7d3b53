#pragma once

// `HttpListener`: answers HTTP/1.1 on one address until it is stopped. Knows nothing of what is asked.
//
// The one place that includes cpp-httplib (a heavy header, and one whose classes change between its versions 0.11 and 0.18).
//
// Threads: a thread that accepts and one for each connection; the handler is called on those, several at a time. `stop` (also
// the destructor) waits for answers that are being made (10 s at most), and hangs up on connections that are idle.
// Errors:  `start` says why it cannot listen. A handler that throws answers 500.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <braintrust/core/result.h>

namespace braintrust::local {

struct HttpRequest {
  std::string_view method = {};
  std::string_view path = {};
  std::string_view body = {};
  std::function<std::string(const char* name)> header = {};  // blank if there is none
  std::function<std::string(const char* name)> query = {};   // likewise
};

struct HttpAnswer {
  int status = 200;
  std::string body = "{}";
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};  // further ones
};

using HttpHandler = std::function<HttpAnswer(const HttpRequest&)>;

class HttpListener {
 public:
  // Port 0 takes any free one. A body beyond `max_body_bytes` is answered 413 without asking the handler.
  static Result<HttpListener> start(const std::string& host, int port, std::size_t max_body_bytes, HttpHandler handler);

  HttpListener(HttpListener&&) noexcept;
  HttpListener& operator=(HttpListener&&) noexcept;
  ~HttpListener();

  int port() const;
  void stop();

 private:
  class State;
  explicit HttpListener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace braintrust::local
