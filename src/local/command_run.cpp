#include <csignal>

#include <braintrust/local/draw.h>
#include <braintrust/local/server.h>
#include <fmt/format.h>

#include "local/child_process.h"
#include "local/commands.h"
#include "local/default_database.h"

namespace braintrust::local {
namespace {

constexpr std::size_t max_trees = 10;

// Prints the traces this run has written to, the last ones if they are many.
int print_traces(const Store& store, const std::string& show_command) {
  const auto ids = store.traces_written();
  if (ids.empty()) {
    fmt::print("\nNothing was logged. Did the program call braintrust::init_logger(), and flush before it ended?\n");
    return 0;
  }
  const auto first = ids.size() > max_trees ? ids.size() - max_trees : 0;
  for (auto i = first; i < ids.size(); ++i) {
    const auto tree = draw_trace(store, ids[i]);
    if (!tree) return complain(tree.error());
    fmt::print("\n{}", *tree);
  }
  if (first > 0) fmt::print("\n{} earlier traces are not shown; see {}\n", first, show_command);
  return 0;
}

}  // namespace

int run(const RunArguments& arguments) {
  const BlockedSignals signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD};
  auto database = arguments.database.empty() ? make_default_database() : Result<std::string>(arguments.database);
  if (!database) return complain(database.error());
  auto server = Server::start({.database = *database});
  if (!server) return complain(server.error());

  // The organisation and the proxy too: a name or address of the real service there would make every call fail. The project is
  // the program's own affair.
  const auto code = run_program(arguments.program,
                                {{"BRAINTRUST_API_KEY", "local"},
                                 {"BRAINTRUST_APP_URL", server->url()},
                                 {"BRAINTRUST_API_URL", server->url()},
                                 {"BRAINTRUST_PROXY_URL", server->url()},
                                 {"BRAINTRUST_ORG_NAME", "local"}},
                                signals);
  server->stop();
  if (!code) {
    complain(code.error());
    return code.error().code == ErrorCode::not_found ? 127 : 126;
  }
  const auto show_command = arguments.database.empty() ? std::string("braintrust-local show")
                                                       : fmt::format("braintrust-local show --db {}", arguments.database);
  const int printed = print_traces(server->store(), show_command);
  std::fflush(stdout);
  return *code != 0 ? *code : printed;
}

}  // namespace braintrust::local
