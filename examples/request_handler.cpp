// A request as one trace: who asked goes into metadata and tags, to be searched and grouped by. What every step of the request
// should carry is propagated.

#include <braintrust/braintrust.h>

#include <iostream>
#include <string>

#include "support/offline.h"

struct Request {
  std::string id, user_id, org_id, path;
};

std::string render(const std::string& path) {
  TRACED(path);
  return TRACED_OUTPUT("<h1>" + path + "</h1>");
}

// [request handler]
std::string handle(const braintrust::Logger& logger, const Request& request) {
  auto span = logger.start_span("handle_request", {.input = request.path,
                                                   .metadata = {{"user_id", request.user_id}, {"org_id", request.org_id}},
                                                   .tags = {"web", "handle-request"},
                                                   .propagated = {{"metadata", {{"request_id", request.id}}}}});
  const std::string body = render(request.path);  // its span has the request_id, too
  span.log({.output = body, .metadata = {{"status", 200}}});
  return body;
}
// [request handler end]

int main() {
  examples::Offline offline;
  auto logger = braintrust::init_logger({.project = "My Project (C++)"});

  std::cout << handle(logger, {.id = "r1", .user_id = "u1", .org_id = "o1", .path = "/orders"}) << '\n';
  std::cout << handle(logger, {.id = "r2", .user_id = "u2", .org_id = "o1", .path = "/help"}) << '\n';
}
