#pragma once

// A model server without a model: speaks the streamed chat completions API on this machine and always says the same.
//
// Threads: one of its own. Errors: throws std::runtime_error when no port is free.

#include <httplib.h>

#include <stdexcept>
#include <string>
#include <thread>

namespace examples {

class ModelServer {
 public:
  ModelServer() {
    server_.Post("/v1/chat/completions", [](const httplib::Request&, httplib::Response& response) {
      std::string stream;
      for (const char* const word : {"The ", "capital ", "is ", "Paris."}) {
        stream += R"(data: {"model":"scripted-1","choices":[{"index":0,"delta":{"role":"assistant","content":")";
        stream += std::string(word) + "\"}}]}\n\n";
      }
      stream += "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
      stream += "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":5,\"total_tokens\":17}}\n\n";
      response.set_content(stream + "data: [DONE]\n\n", "text/event-stream");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    if (port_ <= 0) throw std::runtime_error("no free port on 127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~ModelServer() {
    server_.stop();
    thread_.join();
  }
  ModelServer(const ModelServer&) = delete;
  ModelServer& operator=(const ModelServer&) = delete;

  int port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace examples
