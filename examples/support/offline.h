#pragma once

// Lets an example run without an account: one line at the top of `main`.
//
//   examples::Offline offline;
//
// With BRAINTRUST_API_KEY set, this does nothing: the trace goes to Braintrust, or to `braintrust-local run`, which sets it.
// Otherwise it starts the local backend in this process, points the environment at it, and prints each trace at the end of
// `main`. Nothing else of an example depends on it.

#include <braintrust/local/draw.h>
#include <braintrust/local/server.h>
#include <braintrust/trace/logger.h>

#include <cstdlib>
#include <iostream>
#include <optional>

namespace examples {

class Offline {
 public:
  Offline() {
    const char* const key = std::getenv("BRAINTRUST_API_KEY");
    if (key != nullptr && *key != '\0') return;
    auto server = braintrust::local::Server::start();
    if (!server) {
      std::cerr << "no local backend: " << server.error().message << '\n';
      std::exit(1);
    }
    setenv("BRAINTRUST_API_KEY", "local", 1);
    setenv("BRAINTRUST_APP_URL", server->url().c_str(), 1);
    setenv("BRAINTRUST_API_URL", server->url().c_str(), 1);
    setenv("BRAINTRUST_ORG_NAME", "local", 1);
    // It takes OpenTelemetry's spans, too.
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", (server->url() + "/otel").c_str(), 0);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20local", 0);
    server_ = std::move(*server);
  }

  ~Offline() {
    if (!server_) return;
    braintrust::current_logger().shutdown();
    for (const auto& id : server_->store().traces_written()) {
      const auto tree = braintrust::local::draw_trace(server_->store(), id);
      std::cout << '\n' << (tree ? *tree : tree.error().message + '\n');
    }
    std::cout.flush();
  }

  Offline(const Offline&) = delete;
  Offline& operator=(const Offline&) = delete;

 private:
  std::optional<braintrust::local::Server> server_;
};

}  // namespace examples
