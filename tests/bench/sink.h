#pragma once

// `Sink`: a process that takes HTTP requests as fast as it can and answers each with 200, so that a benchmark of delivery
// measures the sender. It speaks as much of the protocol as the courier asks: login, version, project, logs3, and an
// experiment. POSIX.

#include <sys/types.h>

#include <string>

namespace bench {

class Sink {
 public:
  // Starts the process. Call it before any thread is started. Exits the program when it cannot.
  Sink();
  ~Sink();
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  pid_t process_ = 0;
  int port_ = 0;
};

}  // namespace bench
