// One trace from two processes: what the server does for a call stands under the call. The server is server.cpp.

#include <braintrust/braintrust.h>

#include <httplib.h>

#include <iostream>
#include <string>

#include "support/offline.h"
#include "support/other_process.h"

int main(int, char** arguments) {
  examples::Offline offline;
  examples::OtherProcess server(arguments[0], "distributed_server");
  auto logger = braintrust::init_logger({.project = "My Project (C++)"});
  httplib::Client client(server.url());

  // [distributed client]
  const std::string question = "What is a span?";
  auto span = logger.start_span("ask", {.input = question});
  httplib::Headers headers;
  braintrust::inject_trace_context(headers);  // the span that is current on this thread; of another one: span.inject(headers)
  const auto result = client.Post("/answer", headers, question, "text/plain");
  span.log({.output = result ? result->body : "no answer"});
  // [distributed client end]

  if (result) std::cout << result->body << '\n';
  return result && result->status == 200 ? 0 : 1;
}
