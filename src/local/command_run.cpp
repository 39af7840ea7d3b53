#include <csignal>
#include <cstring>
#include <optional>

#include <braintrust/local/draw.h>
#include <braintrust/local/server.h>
#include <fmt/format.h>

#include "core/environment.h"
#include "core/terminal.h"
#include "local/auto_library.h"
#include "local/child_process.h"
#include "local/commands.h"
#include "local/default_database.h"
#include "local/follow.h"
#include "local/otlp_headers.h"
#include "local/projects.h"

namespace braintrust::local {
namespace {

constexpr std::size_t max_trees = 10;

void print_why_nothing(const ProgramEnd& end, bool automatic) {
  if (end.killed_by == 0 && automatic) {
    fmt::print(
        "\nNo model call was seen. Only those that go through a shared libcurl are, to the providers' own hosts or to "
        "addresses\n"
        "that are declared, as in BRAINTRUST_AUTO_ENDPOINTS=openai=http://127.0.0.1:8000/v1\n");
  } else if (end.killed_by == 0) {
    fmt::print("\nNothing was logged. Did the program call braintrust::init_logger(), and end by exit or return?\n");
  } else {
    fmt::print(
        "\nNothing was logged: signal {} ({}) killed the program before anything arrived.\n"
        "Spans wait a moment before they are sent, and those are lost then; flush() sends them at once.\n",
        end.killed_by, ::strsignal(end.killed_by));
  }
}

// Where OpenTelemetry's spans go: they name no project themselves, unless the program does more than these variables ask.
std::string otlp_parent_in(const detail::Environment& environment) {
  if (auto parent = environment.get("BRAINTRUST_PARENT"); !parent.empty()) return parent;
  const auto project = environment.get("BRAINTRUST_PROJECT");
  return "project_name:" + (project.empty() ? default_project : project);
}

// Prints the traces this run has written to, the last ones if they are many.
int print_traces(const Store& store, const std::string& show_command, const ProgramEnd& end, bool automatic) {
  const auto ids = store.traces_written();
  if (ids.empty()) return print_why_nothing(end, automatic), 0;
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

  std::vector<std::pair<std::string, std::string>> environment;
  if (arguments.automatic) {
    auto preload = preload_with_auto_library();
    if (!preload) return complain(preload.error());
    environment.emplace_back("LD_PRELOAD", *std::move(preload));
  }
  std::optional<Follower> follower;
  if (arguments.follow) follower.emplace(server->store(), detail::style_of(stdout));

  // The organisation and the proxy too: a name or address of the real service there would make every call fail. The project is
  // the program's own affair.
  environment.insert(environment.end(), {{"BRAINTRUST_API_KEY", "local"},
                                         {"BRAINTRUST_APP_URL", server->url()},
                                         {"BRAINTRUST_API_URL", server->url()},
                                         {"BRAINTRUST_PROXY_URL", server->url()},
                                         {"BRAINTRUST_ORG_NAME", "local"}});
  const auto inherited = detail::Environment::snapshot();
  for (auto& variable : otlp_variables(server->url(), otlp_parent_in(inherited), inherited)) {
    environment.push_back(std::move(variable));
  }
  const auto end = run_program(arguments.program, environment, signals);
  server->stop();
  follower.reset();
  if (!end) {
    complain(end.error());
    return end.error().code == ErrorCode::not_found ? 127 : 126;
  }
  const auto show_command = arguments.database.empty() ? std::string("braintrust-local show")
                                                       : fmt::format("braintrust-local show --db {}", arguments.database);
  const int printed = print_traces(server->store(), show_command, *end, arguments.automatic);
  std::fflush(stdout);
  return end->code != 0 ? end->code : printed;
}

}  // namespace braintrust::local
