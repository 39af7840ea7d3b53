#include "support/scripted_server.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace braintrust::test {
namespace {

int listen_on(int port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(listener, 128) != 0) {
    ::close(listener);
    throw std::runtime_error("the scripted server cannot listen");
  }
  return listener;
}

int port_of(int listener) {
  sockaddr_in address = {};
  socklen_t size = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  return out;
}

// The bytes of one connection, as requests.
class Reader {
 public:
  explicit Reader(int socket) : socket_(socket) {}

  // False when the connection ended.
  bool read(ServerRequest& request) {
    std::size_t head_end = 0;
    while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return false;
    }
    parse_head(std::string_view(buffer_).substr(0, head_end), request);
    buffer_.erase(0, head_end + 4);
    if (request.headers["transfer-encoding"] == "chunked") return read_chunks(request.body);
    return read_bytes(std::strtoull(request.headers["content-length"].c_str(), nullptr, 10), request.body);
  }

 private:
  static void parse_head(std::string_view head, ServerRequest& request) {
    const std::string_view first = head.substr(0, head.find("\r\n"));
    const std::size_t method_end = first.find(' ');
    request.method = first.substr(0, method_end);
    request.target = first.substr(method_end + 1, first.rfind(' ') - method_end - 1);
    request.path = request.target.substr(0, request.target.find('?'));
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
      at += 2;
      const std::string_view line = head.substr(at, head.find("\r\n", at) - at);
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      const std::size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
      request.headers[lower(line.substr(0, colon))] = line.substr(value);
    }
  }

  bool read_bytes(std::size_t size, std::string& body) {
    while (buffer_.size() < size) {
      if (!more()) return false;
    }
    body.append(buffer_, 0, size);
    buffer_.erase(0, size);
    return true;
  }

  bool read_chunks(std::string& body) {
    for (;;) {
      std::size_t line_end = 0;
      while ((line_end = buffer_.find("\r\n")) == std::string::npos) {
        if (!more()) return false;
      }
      const std::size_t size = std::strtoull(buffer_.c_str(), nullptr, 16);
      buffer_.erase(0, line_end + 2);
      std::string line_break;
      if (!read_bytes(size, body) || !read_bytes(2, line_break)) return false;
      if (size == 0) return true;
    }
  }

  bool more() {
    char bytes[1 << 16];
    const ssize_t size = ::recv(socket_, bytes, sizeof bytes, 0);
    if (size <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(size));
    return true;
  }

  int socket_;
  std::string buffer_;
};

}  // namespace

struct ScriptedServer::State {
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, Handler> handlers;
  std::vector<ServerRequest> seen;
  std::vector<int> sockets;
  std::vector<std::thread> threads;
  std::thread acceptor;
  int listener = -1;
  int port = 0;
  int connections = 0;
  bool stopping = false;

  void accept_all() {
    for (;;) {
      const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      const std::lock_guard lock(mutex);
      if (socket < 0 || stopping) {
        if (socket >= 0) ::close(socket);
        return;
      }
      const int yes = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      sockets.push_back(socket);
      threads.emplace_back([this, socket, number = connections++] { serve(socket, number); });
    }
  }

  void serve(int socket, int number) {
    Reader reader(socket);
    for (;;) {
      ServerRequest request;
      request.connection = number;
      if (!reader.read(request) || !reply(socket, answer_to(request))) break;
    }
    const std::lock_guard lock(mutex);
    sockets.erase(std::find(sockets.begin(), sockets.end(), socket));
    ::close(socket);
  }

  Answer answer_to(const ServerRequest& request) {
    const std::lock_guard lock(mutex);
    seen.push_back(request);
    const auto handler = handlers.find(request.path);
    return handler == handlers.end() ? Answer{.status = 404} : handler->second(request);
  }

  // False when the connection is to be closed.
  bool reply(int socket, const Answer& answer) {
    switch (answer.deed) {
      case Deed::hang: {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stopping; });
        return false;
      }
      case Deed::drop:
        return false;
      case Deed::reset: {
        const linger at_once = {1, 0};
        ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        return false;
      }
      case Deed::truncate:
        send_all(socket, text_of(answer, answer.body.size() + 1000));
        return false;
      case Deed::trickle: {
        const std::string text = text_of(answer, answer.body.size());
        return std::all_of(text.begin(), text.end(), [&](const char& byte) { return send_all(socket, {&byte, 1}); });
      }
      case Deed::close:
        send_all(socket, text_of(answer, answer.body.size()));
        return false;
      case Deed::answer:
        return send_all(socket, text_of(answer, answer.body.size()));
    }
    return false;
  }

  static std::string text_of(const Answer& answer, std::size_t length) {
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " Scripted\r\n";
    for (const auto& [name, value] : answer.headers) text += name + ": " + value + "\r\n";
    if (answer.deed == Deed::close) text += "Connection: close\r\n";
    return text + "Content-Length: " + std::to_string(length) + "\r\n\r\n" + answer.body;
  }
};

ScriptedServer::ScriptedServer(int port) : state_(std::make_shared<State>()) {
  state_->listener = listen_on(port);
  state_->port = port_of(state_->listener);
  state_->acceptor = std::thread([state = state_.get()] { state->accept_all(); });
}

ScriptedServer::~ScriptedServer() { stop(); }

int ScriptedServer::port() const { return state_->port; }
std::string ScriptedServer::url() const { return "http://127.0.0.1:" + std::to_string(state_->port); }

void ScriptedServer::on(const std::string& path, std::vector<Answer> answers) {
  handle(path, [answers = std::move(answers), next = std::size_t{0}](const ServerRequest&) mutable {
    const Answer answer = answers[next];
    if (next + 1 < answers.size()) ++next;
    return answer;
  });
}

void ScriptedServer::handle(const std::string& path, Handler handler) {
  const std::lock_guard lock(state_->mutex);
  state_->handlers[path] = std::move(handler);
}

std::vector<ServerRequest> ScriptedServer::requests(const std::string& path) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<ServerRequest> found;
  std::copy_if(state_->seen.begin(), state_->seen.end(), std::back_inserter(found),
               [&](const ServerRequest& request) { return path.empty() || request.path == path; });
  return found;
}

void ScriptedServer::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping) return;
    state_->stopping = true;
    ::shutdown(state_->listener, SHUT_RDWR);
    for (const int socket : state_->sockets) ::shutdown(socket, SHUT_RDWR);
  }
  state_->changed.notify_all();
  state_->acceptor.join();
  for (std::thread& thread : state_->threads) thread.join();
  ::close(state_->listener);
}

int free_port() {
  const int listener = listen_on(0);
  const int port = port_of(listener);
  ::close(listener);
  return port;
}

}  // namespace braintrust::test
