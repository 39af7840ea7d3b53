#include "bench/sink.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace bench {
namespace {

// One kept connection: reads requests whose bodies it throws away.
struct Connection {
  int socket;
  std::string head = {};  // until the blank line
  std::size_t body_left = 0;

  bool read_some(char* buffer, std::size_t size);
  void answer(std::string_view target);
};

void Connection::answer(std::string_view target) {
  std::string body = "{}";
  if (target.find("/api/apikey/login") != target.npos) {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
    body =
        R"({"org_info":[{"id":"o","name":"o","api_url":"http://127.0.0.1:)" + std::to_string(ntohs(address.sin_port)) + "\"}]}";
  } else if (target.find("/api/project/register") != target.npos) {
    body = R"({"project":{"id":"11111111-2222-3333-4444-555555555555","name":"p"}})";
  } else if (target.find("/api/experiment/register") != target.npos) {
    body = R"({"project":{"id":"11111111-2222-3333-4444-555555555555","name":"p"},)"
           R"("experiment":{"id":"66666666-7777-8888-9999-000000000000","name":"e"}})";
  }
  const std::string response =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  if (write(socket, response.data(), response.size()) < 0) std::perror("sink: write");
}

bool Connection::read_some(char* buffer, std::size_t size) {
  const ssize_t received = recv(socket, buffer, size, 0);
  if (received <= 0) return false;
  std::string_view data(buffer, static_cast<std::size_t>(received));
  while (!data.empty()) {
    if (body_left > 0) {
      const std::size_t taken = std::min(body_left, data.size());
      body_left -= taken;
      data.remove_prefix(taken);
      if (body_left == 0) {
        answer(head);
        head.clear();
      }
      continue;
    }
    const std::size_t before = head.size();
    head.append(data);
    const std::size_t end = head.find("\r\n\r\n");
    if (end == head.npos) return true;
    data.remove_prefix(end + 4 - before);
    head.resize(end);
    const std::size_t length = head.find("ontent-Length: ");
    body_left = length == head.npos ? 0 : std::strtoul(head.c_str() + length + 15, nullptr, 10);
    head.resize(head.find("\r\n"));
    if (body_left == 0) {
      answer(head);
      head.clear();
    }
  }
  return true;
}

[[noreturn]] void serve(int listener) {
  std::vector<char> buffer(1 << 20);
  std::vector<Connection> connections;
  for (;;) {
    std::vector<pollfd> polled = {{listener, POLLIN, 0}};
    for (const Connection& connection : connections) polled.push_back({connection.socket, POLLIN, 0});
    if (poll(polled.data(), polled.size(), -1) < 0) std::_Exit(1);
    for (std::size_t i = connections.size(); i-- > 0;) {
      if (polled[i + 1].revents == 0 || connections[i].read_some(buffer.data(), buffer.size())) continue;
      close(connections[i].socket);
      connections.erase(connections.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (polled[0].revents != 0) connections.push_back({accept(listener, nullptr, nullptr)});
  }
}

}  // namespace

Sink::Sink() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listener, 64) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    std::perror("sink");
    std::exit(1);
  }
  port_ = ntohs(address.sin_port);
  process_ = fork();
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    serve(listener);
  }
  close(listener);
}

Sink::~Sink() {
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

}  // namespace bench
