// cpp-httplib, traced: the client's name is all that changes. The answer is streamed.

#include <braintrust/braintrust.h>
#include <braintrust/instrument/httplib.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "support/model_server.h"
#include "support/offline.h"

int main() {
  examples::Offline offline;
  examples::ModelServer server;  // in place of https://api.openai.com, which would be known without this:
  setenv("BRAINTRUST_AUTO_ENDPOINTS", ("openai=" + server.url()).c_str(), 1);
  const std::string host = server.url(), key = "none";
  auto logger = braintrust::init_logger({.project = "Examples (C++)"});

  // [httplib client]
  braintrust::httplib::Client client(host);  // was: httplib::Client client(host);

  const std::string body =
      R"({"model":"scripted-1","stream":true,"messages":[{"role":"user","content":"What is the capital of France?"}]})";
  const auto result = client.Post("/v1/chat/completions", {{"Authorization", "Bearer " + key}}, body, "application/json",
                                  [](const char* data, std::size_t size) {
                                    std::cout << std::string_view(data, size);  // as it arrives
                                    return true;
                                  });
  // [httplib client end]
  return result && result->status == 200 ? 0 : 1;
}
