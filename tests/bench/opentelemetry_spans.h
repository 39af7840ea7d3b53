#pragma once

// `OpenTelemetry`: the span of model_call.h through opentelemetry-cpp: its batch processor and its OTLP/HTTP exporter in
// protobuf, both as they come.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace bench {

class OpenTelemetry {
 public:
  // `queue`: how many spans may wait; 0 = as it comes (2 048).
  OpenTelemetry(const std::string& url, std::size_t queue);
  ~OpenTelemetry();
  OpenTelemetry(const OpenTelemetry&) = delete;
  OpenTelemetry& operator=(const OpenTelemetry&) = delete;

  void model_call();
  bool flush(std::chrono::seconds deadline);
  std::size_t exported() const;  // spans that the server acknowledged

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bench
