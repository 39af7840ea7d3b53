#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstring>
#include <optional>
#include <string_view>

#include <braintrust/local/draw.h>
#include <braintrust/local/server.h>
#include <fmt/format.h>

#include "core/environment.h"
#include "core/quantity_text.h"
#include "core/terminal.h"
#include "core/text_width.h"
#include "local/auto_library.h"
#include "local/child_process.h"
#include "local/commands.h"
#include "local/default_database.h"
#include "local/experiments.h"
#include "local/follow.h"
#include "local/otlp_headers.h"
#include "local/projects.h"
#include "local/store_state.h"
#include "pipeline/container.h"

namespace braintrust::local {
namespace {

constexpr std::size_t max_trees = 10;

// What we have to say goes to standard error: only the trees stand behind what the program printed.
void print_why_nothing(const ProgramEnd& end, bool automatic) {
  if (end.killed_by == 0 && end.code != 0) {
    fmt::print(stderr, "\nNothing was logged: the program ended with exit code {}.\n", end.code);
  } else if (end.killed_by == 0 && automatic) {
    fmt::print(stderr,
               "\nNo model call was seen. Only those that go through a shared libcurl are, to the providers' own hosts or to "
               "addresses\n"
               "that are declared, as in BRAINTRUST_AUTO_ENDPOINTS=openai=http://127.0.0.1:8000/v1\n");
  } else if (end.killed_by == 0) {
    fmt::print(stderr, "\nNothing was logged. Did the program call braintrust::init_logger(), and end by exit or return?\n");
  } else {
    fmt::print(stderr,
               "\nNothing was logged: signal {} ({}) killed the program before anything arrived.\n"
               "Spans wait a moment before they are sent, and those are lost then; flush() sends them at once.\n",
               end.killed_by, ::strsignal(end.killed_by));
  }
}

// Where OpenTelemetry's spans go: they name no project themselves, unless the program does more than these variables ask.
std::string otlp_parent_in(const detail::Environment& environment) {
  if (auto parent = environment.get("BRAINTRUST_PARENT"); !parent.empty()) return parent;
  if (auto id = environment.get("BRAINTRUST_PROJECT_ID"); !id.empty()) {
    return pipeline::write_container({pipeline::Container::project_id, id});
  }
  const auto project = environment.get("BRAINTRUST_PROJECT");
  return pipeline::write_container({pipeline::Container::project_name, project.empty() ? default_project : project});
}

// Prints these traces, the last ones if they are many.
int print_traces(const Store& store, const std::string& show_command, const std::vector<std::string>& ids) {
  const auto first = ids.size() > max_trees ? ids.size() - max_trees : 0;
  for (auto i = first; i < ids.size(); ++i) {
    const auto tree = draw_trace(store, ids[i]);
    if (!tree) return complain(tree.error());
    fmt::print("\n{}", *tree);
  }
  if (first > 0)
    fmt::print("\n{} not shown; see {}\n", detail::counted(first, "earlier trace is", "earlier traces are"), show_command);
  return 0;
}

// `text` as one word for a shell; nothing where that takes more than quotes.
std::optional<std::string> shell_word(const std::string& text) {
  constexpr std::string_view signs = "_-./:@%+,";
  const auto is_plain = [&](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || signs.find(static_cast<char>(c)) != signs.npos);
  };
  if (text.empty() || text.front() == '-' || text.find('\'') != text.npos || detail::one_line(text, text.npos) != text)
    return {};
  return std::all_of(text.begin(), text.end(), is_plain) ? text : '\'' + text + '\'';
}

// Their traces, one for each case, would hide what the program itself says of them.
void print_experiments(const Store& store, const std::string& show_command, const std::vector<std::string>& ids) {
  for (const auto& id : ids) {
    const auto name = store.state().locked([&](Store::State& state) {
      const auto own = entry_called(state, id).name;
      return entry_called(state, own).id == id ? own : id;  // that of another project may be newer
    });
    // Rows may name an experiment that was never registered here.
    const auto option = name ? " --experiment " + shell_word(*name).value_or(id) : std::string();
    fmt::print(stderr, "See the experiment: {}{}\n", show_command, option);
  }
}

int print_written(const Store& store, const std::string& show_command, const ProgramEnd& end, bool automatic) {
  const auto written = store.state().locked([](Store::State& state) { return state.written; });
  if (!written) return complain(written.error());
  if (written->rows == 0) print_why_nothing(end, automatic);
  const int printed = print_traces(store, show_command, written->logs.list());
  std::fflush(stdout);
  print_experiments(store, show_command, written->experiments.list());
  return printed;
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
  if (arguments.follow) follower.emplace(server->store());

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
  auto show_command = std::string("braintrust-local show");
  if (!arguments.database.empty()) show_command += " --db " + shell_word(arguments.database).value_or(arguments.database);
  const int printed = print_written(server->store(), show_command, *end, arguments.automatic);
  return end->code != 0 ? end->code : printed;
}

}  // namespace braintrust::local
