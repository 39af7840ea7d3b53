// A program that embeds the local backend.
#include <braintrust/local/server.h>
#include <cstdio>

int main() {
  auto server = braintrust::local::Server::start();
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 1;
  }
  std::printf("%s\n", server->url().c_str());
  return server->traces() ? 0 : 1;
}
