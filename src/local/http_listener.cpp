#include "local/http_listener.h"

#include <fcntl.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <list>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace braintrust::local {
namespace {

constexpr int backlog = 256;
constexpr int keep_alive_seconds = 30;
constexpr int io_timeout_seconds = 60;
constexpr auto drain_time = std::chrono::seconds(10);

constexpr const char* json_type = "application/json";

// How many requests are being answered. Each connection's thread enters and leaves; leaving twice does no harm.
class Busy {
 public:
  void enter() {
    if (!std::exchange(here_, true)) ++count_;
  }
  void leave() {
    if (std::exchange(here_, false)) --count_;
  }
  void wait_until_none(std::chrono::milliseconds at_most) const {
    const auto end = std::chrono::steady_clock::now() + at_most;
    while (count_ > 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

 private:
  static thread_local bool here_;  // a thread serves one connection of one listener
  std::atomic<int> count_ = 0;
};
thread_local bool Busy::here_ = false;

// One thread for each connection. A fixed pool, as httplib makes by default, is used up by a few clients that keep idle
// connections open, and the next one then waits for seconds.
class ConnectionThreads : public httplib::TaskQueue {
 public:
  ConnectionThreads(Busy& busy, std::function<void()> hang_up) : busy_(busy), hang_up_(std::move(hang_up)) {}

  // `void` in httplib 0.11, `bool` in 0.18.
  using Enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue({}));

  Enqueued enqueue(std::function<void()> work) override {
    add(std::move(work));
    return static_cast<Enqueued>(true);
  }

  void shutdown() override {
    // First the answers that are being made: httplib sends none on a connection of which one side is closed.
    busy_.wait_until_none(drain_time);
    hang_up_();
    for (auto& connection : connections_) connection.thread.join();
    connections_.clear();
  }

 private:
  struct Connection {
    std::thread thread = {};
    std::shared_ptr<std::atomic<bool>> done = std::make_shared<std::atomic<bool>>(false);
  };

  // Called by the accepting thread only.
  void add(std::function<void()> work) {
    std::erase_if(connections_, [](Connection& connection) {
      if (!*connection.done) return false;
      connection.thread.join();
      return true;
    });
    Connection connection;
    connection.thread = std::thread([this, work = std::move(work), done = connection.done] {
      work();
      busy_.leave();
      *done = true;
    });
    connections_.push_back(std::move(connection));
  }

  Busy& busy_;
  std::function<void()> hang_up_;
  std::list<Connection> connections_;
};

// Port of the address that `file` is bound to, or -1 if it is not an internet socket.
int local_port(int file) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(file, reinterpret_cast<sockaddr*>(&address), &length) != 0) return -1;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return -1;
}

// Ends the reading side of every connection to `port`. Clients that keep an idle connection would otherwise hold up `stop` for
// the keep-alive time: httplib 0.11 neither tells which sockets it serves nor wakes them.
void hang_up(int port) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/dev/fd", error), end; !error && entry != end; entry.increment(error)) {
    const int file = std::atoi(entry->path().filename().c_str());
    if (local_port(file) != port) continue;
    // Through a copy, so that what is shut down is what was looked at, also if another thread closes and reopens the number.
    const int copy = ::fcntl(file, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) continue;
    if (local_port(copy) == port) ::shutdown(copy, SHUT_RD);
    ::close(copy);
  }
}

std::string error_body(std::string_view message) { return fmt::format("{{\"error\":\"{}\"}}", message); }

}  // namespace

class HttpListener::State {
 public:
  explicit State(HttpHandler handler) : handler_(std::move(handler)) {}
  ~State() { stop(); }

  Result<void> start(const std::string& host, int port, std::size_t max_body_bytes) {
    configure(max_body_bytes);
    errno = 0;
    port_ = port;
    if (port == 0) {
      port_ = server_.bind_to_any_port(host);
    } else if (!server_.bind_to_port(host, port)) {
      port_ = -1;
    }
    if (port_ <= 0) {
      const char* reason = errno != 0 ? std::strerror(errno) : "no such address";
      return Error{ErrorCode::io, fmt::format("cannot listen on {}:{}: {}", host, port, reason)};
    }
    ::listen(socket_, backlog);  // again: httplib's own backlog of 5 makes a burst of clients wait for a second
    thread_ = std::thread([this] {
      server_.listen_after_bind();
      ended_ = true;
    });
    // A `stop` before httplib says that it runs would be lost.
    while (!server_.is_running() && !ended_) std::this_thread::yield();
    return {};
  }

  void stop() {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

  int port() const { return port_; }

 private:
  void configure(std::size_t max_body_bytes) {
    server_.set_socket_options([this](auto file) {
      // Not SO_REUSEPORT, httplib's default: a second server on the port must fail, not take half of the connections.
      const int yes = 1;
      ::setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
      ::fcntl(file, F_SETFD, FD_CLOEXEC);
      socket_ = file;
    });
    server_.new_task_queue = [this] { return new ConnectionThreads(busy_, [this] { hang_up(port_); }); };
    server_.set_keep_alive_max_count(1'000'000'000);
    server_.set_keep_alive_timeout(keep_alive_seconds);
    server_.set_read_timeout(io_timeout_seconds);
    server_.set_write_timeout(io_timeout_seconds);
    server_.set_tcp_nodelay(true);
    server_.set_payload_max_length(max_body_bytes);
    server_.set_pre_routing_handler([this](const httplib::Request&, httplib::Response&) {
      busy_.enter();
      return httplib::Server::HandlerResponse::Unhandled;
    });
    server_.set_logger([this](const httplib::Request&, const httplib::Response&) { busy_.leave(); });  // the answer is sent
    // What httplib refuses by itself has no body yet.
    server_.set_error_handler([max_body_bytes](const httplib::Request&, httplib::Response& response) {
      if (!response.body.empty()) return;
      const auto message = response.status == 413   ? fmt::format("the body is larger than {} bytes", max_body_bytes)
                           : response.status == 404 ? std::string("unknown path or method")
                                                    : fmt::format("the request was refused with status {}", response.status);
      response.set_content(error_body(message), json_type);
    });
    server_.set_exception_handler([](const httplib::Request&, httplib::Response& response, auto&&) {
      response.status = 500;
      response.set_content(error_body("internal error"), json_type);
    });
    const auto answer = [this](const httplib::Request& request, httplib::Response& response) {
      respond(request, response, {});
    };
    const auto read_and_answer = [this, max_body_bytes](const httplib::Request& request, httplib::Response& response,
                                                        const httplib::ContentReader& reader) {
      std::string body;
      if (read_body(request, response, reader, max_body_bytes, body)) respond(request, response, body);
    };
    server_.Get(".*", answer);
    server_.Options(".*", answer);
    server_.Post(".*", read_and_answer);
    server_.Put(".*", read_and_answer);
    server_.Patch(".*", read_and_answer);
    server_.Delete(".*", read_and_answer);
  }

  // Reads the body as bytes, whatever type it claims: httplib's own reading refuses a form of more than 8 KiB, and a form is
  // what curl claims if nobody tells it otherwise.
  static bool read_body(const httplib::Request& request, httplib::Response& response, const httplib::ContentReader& reader,
                        std::size_t max_bytes, std::string& body) {
    // Neither means no body (RFC 9112, 6.3); httplib would read on until the client hangs up.
    if (!request.has_header("Content-Length") && !request.has_header("Transfer-Encoding")) return true;
    if (request.is_multipart_form_data()) {
      reader([](const auto&) { return true; }, [](const char*, std::size_t) { return true; });
      response.status = 415;
      return false;
    }
    body.reserve(
        std::min<std::size_t>(std::strtoul(request.get_header_value("Content-Length").c_str(), nullptr, 10), 1UL << 24U));
    // httplib holds only a `Content-Length` against the limit. What is too much is read and dropped: a connection that is
    // closed before would be reset, and the answer with it.
    bool fits = true;
    const bool whole = reader([&](const char* data, std::size_t size) {
      fits = fits && size <= max_bytes - body.size();
      if (fits) body.append(data, size);
      return true;
    });
    if (!fits) response.status = 413;
    return whole && fits;
  }

  void respond(const httplib::Request& request, httplib::Response& response, std::string_view body) const {
    HttpRequest plain;
    plain.method = request.method;
    plain.path = request.path;
    plain.body = body;
    plain.header = [&](const char* name) { return request.get_header_value(name); };
    plain.query = [&](const char* name) { return request.has_param(name) ? request.get_param_value(name) : std::string(); };
    const auto answer = handler_(plain);
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers) response.set_header(name, value);
    response.set_content(answer.body, answer.content_type);
  }

  HttpHandler handler_;
  Busy busy_;
  httplib::Server server_;
  int socket_ = -1;
  int port_ = -1;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

HttpListener::HttpListener(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpListener::HttpListener(HttpListener&&) noexcept = default;
HttpListener& HttpListener::operator=(HttpListener&&) noexcept = default;
HttpListener::~HttpListener() = default;

Result<HttpListener> HttpListener::start(const std::string& host, int port, std::size_t max_body_bytes, HttpHandler handler) {
  auto state = std::make_unique<State>(std::move(handler));
  if (const auto started = state->start(host, port, max_body_bytes); !started) return started.error();
  return HttpListener(std::move(state));
}

int HttpListener::port() const { return state_->port(); }
void HttpListener::stop() { state_->stop(); }

}  // namespace braintrust::local
