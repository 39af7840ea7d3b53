// braintrust-local: the Braintrust backend on your own machine.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include <braintrust/version.h>

#include "eval/did_you_mean.h"
#include "local/commands.h"

namespace braintrust::local {

int complain(const Error& error) {
  std::fflush(stdout);
  std::fprintf(stderr, "braintrust-local: %s\n", error.message.c_str());
  return 1;
}

namespace {

constexpr const char* database_help = "SQLite file (default: $XDG_DATA_HOME/braintrust/local.db)";

int main_of(int argc, char** argv) {
  CLI::App app("Keeps and shows Braintrust traces on this machine, without an account.", "braintrust-local");
  app.failure_message(detail::failure_with_suggestion);
  app.set_version_flag("--version", "braintrust-local " BRAINTRUST_VERSION);
  app.footer(
      "Examples:\n"
      "  braintrust-local run -- ./service --port 8080    its traces, when it ends\n"
      "  braintrust-local run --auto --follow -- ./agent   the model calls of any program, as they are made\n"
      "  braintrust-local show                            the latest traces\n"
      "  braintrust-local show 3f2a91c0                   one of them, as a tree\n"
      "  braintrust-local show --experiments              what was evaluated, and its scores\n"
      "  braintrust-local show --experiment NAME          one of them, compared to the one before\n"
      "  braintrust-local serve                           for programs started elsewhere");
  app.require_subcommand(1);

  ServeArguments serve_arguments;
  auto* serve_command = app.add_subcommand("serve", "Answer SDKs as Braintrust would, until interrupted");
  serve_command->add_option("--port", serve_arguments.port, "Port to listen on, 0 for any free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  serve_command->add_option("--db", serve_arguments.database, database_help);
  serve_command->add_option("--host", serve_arguments.host, "Address to listen on")->capture_default_str();
  serve_command->add_flag("--allow-remote", serve_arguments.allow_remote,
                          "Permit addresses that other machines can reach; they can then read and write everything");

  RunArguments run_arguments;
  auto* run_command = app.add_subcommand("run", "Run a program against a server of its own, then show what it logged");
  run_command->add_option("--db", run_arguments.database, database_help);
  run_command->add_flag("--auto", run_arguments.automatic,
                        "Trace the model calls it makes through libcurl, whatever program it is");
  run_command->add_flag("--follow", run_arguments.follow, "Print a line for each span when it ends");
  run_command->add_option("program", run_arguments.program, "The program and its arguments, after --")->required();
  run_command->positionals_at_end();

  ShowArguments show_arguments;
  auto* show_command = app.add_subcommand("show", "List traces, experiments or datasets, or show one of them");
  show_command->add_option("--db", show_arguments.database, database_help);
  show_command->add_option("--limit", show_arguments.limit, "How many to list, 0 for all")->capture_default_str();
  auto* json = show_command->add_flag("--json", show_arguments.json, "Print rows as JSON: those of TRACE, or all");
  auto* trace = show_command->add_option("TRACE", show_arguments.trace, "The beginning of a trace's id, as the list shows it");
  auto* experiments = show_command->add_flag("--experiments", show_arguments.experiments, "List experiments and their scores");
  auto* datasets = show_command->add_flag("--datasets", show_arguments.datasets, "List datasets");
  auto* experiment = show_command->add_option("--experiment", show_arguments.experiment,
                                              "What an experiment (name or id) came to, and which cases got worse");
  show_command->add_option("--base", show_arguments.base, "Compare it to this one (name or id), not to its own base")
      ->needs(experiment);
  for (auto* one : {experiments, datasets, experiment}) {
    for (auto* other : {json, trace, experiments, datasets, experiment}) {
      if (one != other) one->excludes(other);
    }
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are "errors" of exit code 0; every real one is a mistake in the call.
    return app.exit(error, std::cout, std::cerr) == 0 ? 0 : 2;
  }
  if (*serve_command) return serve(serve_arguments);
  if (*run_command) return run(run_arguments);
  return show(show_arguments);
}

}  // namespace
}  // namespace braintrust::local

int main(int argc, char** argv) {
  try {
    return braintrust::local::main_of(argc, argv);
  } catch (const std::exception& error) {
    return braintrust::local::complain({braintrust::ErrorCode::io, error.what()});
  }
}
