// What the courier costs a row: rows of one size into a sink on loopback that reads and throws away.
//
//   courier_bench [rows in all = 1000000] [bytes in a row = 1700] [rows in a batch = 100] …
//
// Prints rows per second and the CPU time of the courier's thread for each batch size given.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pipeline/courier.h"

namespace {

using namespace braintrust;
using namespace braintrust::pipeline;

// Answers every request with 200, whatever it is.
class Sink {
 public:
  Sink() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(listener_, 16) != 0)
      std::abort();
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    std::thread([this] {
      for (;;) {
        const int socket = ::accept(listener_, nullptr, nullptr);
        std::thread([socket, port = port_] { serve(socket, port); }).detach();
      }
    }).detach();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  static void serve(int socket, int port) {
    const std::string body =
        R"({"org_info":[{"id":"o","name":"n","api_url":"http://127.0.0.1:)" + std::to_string(port) + R"("}]})";
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    std::vector<char> buffer(1 << 20);
    std::size_t have = 0;
    for (;;) {
      const char* end = nullptr;
      while (end == nullptr) {
        const ssize_t size = ::recv(socket, buffer.data() + have, buffer.size() - have, 0);
        if (size <= 0) return;
        have += static_cast<std::size_t>(size);
        end = static_cast<const char*>(::memmem(buffer.data(), have, "\r\n\r\n", 4));
      }
      const char* const length = static_cast<const char*>(::memmem(buffer.data(), have, "Content-Length: ", 16));
      const std::size_t expected = length == nullptr || length > end ? 0 : std::strtoull(length + 16, nullptr, 10);
      std::size_t body_bytes = have - static_cast<std::size_t>(end + 4 - buffer.data());
      while (body_bytes < expected) {
        const ssize_t size = ::recv(socket, buffer.data(), buffer.size(), 0);
        if (size <= 0) return;
        body_bytes += static_cast<std::size_t>(size);
      }
      have = 0;
      if (::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
    }
  }

  int listener_;
  int port_ = 0;
};

double seconds_of(clockid_t clock) {
  timespec time = {};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void measure(const Sink& sink, std::size_t rows, std::size_t bytes, std::size_t batch) {
  Settings settings{.api_key = "k", .app_url = sink.url(), .api_url = sink.url(), .batch_rows = batch};
  Counters counters;
  Courier courier(settings, counters, 64u << 20);
  Destination logs{ObjectType::project_logs, "3f1c2f4e-0000-4000-8000-000000000000", ""};
  std::string text = R"({"id":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee","input":")";
  text += std::string(bytes - text.size() - 2, 'x') + "\"}";
  while (courier.org_name().empty()) courier.step(std::chrono::milliseconds(10));

  const double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_THREAD_CPUTIME_ID);
  double taking = 0;
  std::uint64_t state = 1;
  for (std::size_t row = 0; row < rows;) {
    const double before = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    while (row < rows && !courier.full()) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      courier.take({.destination = &logs, .id = {state, row + 1}, .text = text});
      ++row;
    }
    taking += seconds_of(CLOCK_THREAD_CPUTIME_ID) - before;
    courier.step(std::chrono::milliseconds(1000));
  }
  courier.seal();
  while (!courier.idle()) courier.step(std::chrono::milliseconds(1000));
  const double count = static_cast<double>(rows);
  const double elapsed = seconds_of(CLOCK_MONOTONIC) - wall;
  std::printf("batch %5zu: %8.0f rows/s, %6.0f MB/s, courier %.3f us CPU per row (take %.3f), %llu requests\n", batch,
              count / elapsed, count * static_cast<double>(bytes) / elapsed / 1e6,
              (seconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu) / count * 1e6, taking / count * 1e6,
              static_cast<unsigned long long>(counters.requests.load()));
  if (counters.sent_rows != rows)
    std::printf("LOST ROWS: %llu sent\n", static_cast<unsigned long long>(counters.sent_rows.load()));
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int index, std::size_t fallback) {
    return argc > index ? std::strtoull(argv[index], nullptr, 10) : fallback;
  };
  const Sink sink;
  const std::size_t rows = argument(1, 1'000'000), bytes = argument(2, 1700);
  measure(sink, rows, bytes, argument(3, 100));
  for (int index = 4; index < argc; ++index) measure(sink, rows, bytes, argument(index, 100));
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("largest memory %ld MB\n", usage.ru_maxrss / 1024);
  std::fflush(stdout);
  std::_Exit(0);
}
