#pragma once

// `HttpClient`: several HTTP requests at a time on one thread, over kept connections.
//
// Made by the courier. `submit` hands a request over; `poll` moves all of them on and calls back those that ended.
// TLS certificates are always verified. Redirects are not followed: they come back as an answer with their `location`, so that
// a key never travels to a host that nobody configured. Proxies are the usual variables, read once at `http_start`.
//
// Threads: one, except `wakeup`. Callbacks run inside `poll` and may submit. Errors: a request that got no complete answer
// comes back with status 0 and the reason. Units: bytes, milliseconds.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace braintrust::pipeline {

// What of the environment decides how hosts are reached. Blank = not set.
struct NetworkEnvironment {
  std::string http_proxy = {};    // http_proxy (lower case only, as curl does: HTTP_PROXY can be set by a request in CGI)
  std::string https_proxy = {};   // https_proxy, HTTPS_PROXY
  std::string all_proxy = {};     // all_proxy, ALL_PROXY: where the two above say nothing
  std::string no_proxy = {};      // no_proxy, NO_PROXY
  std::string ca_file = {};       // SSL_CERT_FILE
  std::string ca_directory = {};  // SSL_CERT_DIR

  // The proxy for `url`, or "".
  const std::string& proxy_for(std::string_view url) const;
};

// Initialises libcurl and reads the network variables, once. Call it on an application's thread before registering an exit
// handler that still sends: libcurl's own clean-up then runs after it.
const NetworkEnvironment& http_start();

struct HttpRequest {
  // Files in PEM form, where the system's authorities and no certificate of our own will not do.
  struct Tls {
    std::string ca_file = {};
    std::string client_certificate = {};
    std::string client_key = {};
  };

  std::string method = "GET";  // GET, POST, PUT, PATCH, DELETE
  std::string url = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::string_view borrowed_body = {};  // instead of `body`; must stay until the callback or `cancel_all`
  // A multipart form instead of a plain body: these fields first, then the body as a file.
  std::vector<std::pair<std::string, std::string>> form = {};
  std::string form_file_type = {};  // makes it a form when not blank
  std::chrono::milliseconds timeout{60'000};
  std::size_t most_body = 16u << 20;  // of the answer; more is an error, as half an answer is none
  bool accept_gzip = false;           // asks for a compressed answer, and undoes it
  Tls tls = {};
  // Goes out once at most, on a new connection: on a kept one that turns out to be dead libcurl would send it again.
  bool only_once = false;
  // Takes the body of a success as it comes, instead of `HttpResponse::body`. False ends the request.
  std::function<bool(std::string_view bytes)> on_body = {};
};

struct HttpResponse {
  int status = 0;          // 0: no complete answer, see `error`
  std::string error = {};  // one line for people; no key, no body
  std::string retry_after = {};
  std::string location = {};
  std::string body = {};

  bool ok() const { return status >= 200 && status < 300; }
};

// What a header may be (RFC 9110, 5). One that is neither is not sent: a line break in it would begin another.
bool is_header_name(std::string_view name) noexcept;
bool is_header_value(std::string_view value) noexcept;

// `base` and `path` joined with one slash.
std::string join_url(std::string_view base, std::string_view path);

// Percent-encoded, but for letters, digits and -._~.
std::string escape_url(std::string_view text);

// "scheme://host:port" in lower case, for messages: no user, password, path or query. Blank when it is no http(s) URL.
std::string origin_of(std::string_view url);

// Why a response is not a success, in a few words for a message: no path, no body.
std::string reason_of(const HttpResponse& response);

class HttpClient {
 public:
  using Done = std::function<void(HttpResponse)>;

  HttpClient();
  explicit HttpClient(NetworkEnvironment network);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  void submit(HttpRequest request, Done done);

  // Moves all requests on. When none ended, waits for the network or `wakeup`, at most `longest`.
  void poll(std::chrono::milliseconds longest);

  // Makes a waiting `poll`, or the next one, return. Any thread.
  void wakeup() noexcept;

  // Drops every request without calling back.
  void cancel_all();

 private:
  struct Transfer;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace braintrust::pipeline
