#pragma once

// A server in a process of its own, for an example that calls it. It prints its address, and ends when /stop is posted to it.
//
//   examples::OtherProcess server(argv[0], "distributed_server");   // the program beside this one
//   httplib::Client client(server.url());
//
// Threads: the one that made it. Errors: throws std::runtime_error when the program does not start.

#include <httplib.h>

#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace examples {

class OtherProcess {
 public:
  OtherProcess(const char* this_program, const std::string& name) {
    const std::filesystem::path path = std::filesystem::absolute(this_program).parent_path() / name;
    output_ = popen(("exec '" + path.string() + "'").c_str(), "r");
    char line[256];
    if (output_ == nullptr || std::fgets(line, sizeof line, output_) == nullptr) {
      throw std::runtime_error(path.string() + " does not start");
    }
    url_ = std::string(line).substr(0, std::string(line).find('\n'));
  }
  ~OtherProcess() {
    httplib::Client(url_).Post("/stop");
    pclose(output_);  // waits until it has delivered its spans
  }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  const std::string& url() const { return url_; }

 private:
  std::FILE* output_ = nullptr;
  std::string url_;
};

}  // namespace examples
