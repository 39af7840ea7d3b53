#include <csignal>
#include <utility>

#include <braintrust/local/server.h>
#include <fmt/format.h>

#include "local/commands.h"
#include "local/default_database.h"
#include "local/otlp_headers.h"
#include "local/projects.h"
#include "local/signals.h"
#include "pipeline/container.h"

namespace braintrust::local {

int serve(const ServeArguments& arguments) {
  const BlockedSignals signals{SIGINT, SIGTERM, SIGHUP};
  auto database = arguments.database.empty() ? make_default_database() : Result<std::string>(arguments.database);
  if (!database) return complain(database.error());
  auto server = Server::start(
      {.port = arguments.port, .database = *database, .host = arguments.host, .allow_remote = arguments.allow_remote});
  if (!server) return complain(server.error());

  fmt::print("listening on {}\n", server->url());
  fmt::print("database     {}\n", *database);
  fmt::print("use it with  export BRAINTRUST_API_KEY=local BRAINTRUST_APP_URL={0} BRAINTRUST_API_URL={0}\n", server->url());
  fmt::print("OpenTelemetry:");
  const char* before = " export ";
  for (const auto& [name, value] :
       otlp_variables(server->url(), pipeline::write_container({pipeline::Container::project_name, default_project}), {})) {
    fmt::print("{}{}={}", std::exchange(before, " "), name, value);
  }
  fmt::print("\n");
  std::fflush(stdout);

  signals.wait();
  server->stop();
  return 0;
}

}  // namespace braintrust::local
