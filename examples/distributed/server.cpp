// The server of two processes that make one trace. client.cpp starts it, and calls it.

#include <braintrust/braintrust.h>
#include <braintrust/instrument/httplib_server.h>

#include <iostream>
#include <string>

#include "support/offline.h"

std::string look_up(const std::string& question) {
  TRACED(question);
  return TRACED_OUTPUT(question == "What is a span?" ? "One step of a program." : "I do not know.");
}

int main() {
  examples::Offline offline;
  auto logger = braintrust::init_logger({.project = "My Project (C++)"});
  httplib::Server server;

  // [distributed server]
  const auto answer = [](const httplib::Request& request, httplib::Response& response) {
    response.set_content(look_up(request.body), "text/plain");  // its span is a child of the request's
  };
  server.Post("/answer", braintrust::httplib::traced_handler("/answer", answer, {.log_input = true, .log_output = true}));
  // [distributed server end]

  server.Post("/stop", [&](const httplib::Request&, httplib::Response&) { server.stop(); });
  std::cout << "http://127.0.0.1:" << server.bind_to_any_port("127.0.0.1") << std::endl;
  return server.listen_after_bind() ? 0 : 1;
}
