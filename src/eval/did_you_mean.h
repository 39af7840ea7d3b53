#pragma once

// What somebody meant who misspelt a flag or a subcommand, for programs that read their command line with CLI11:
//
//   app.failure_message(failure_with_suggestion);
//
// Threads: pure. Errors: none; where nothing is near, nothing is said.

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

#include "eval/edit_distance.h"

namespace braintrust::detail {

inline std::string_view without_dashes(std::string_view flag) {
  const auto begin = flag.find_first_not_of('-');
  return begin == flag.npos ? std::string_view() : flag.substr(begin);
}

// The flag of `app`, or of a subcommand that was called, of which at most a third would have to change; blank if there is none.
inline std::string nearest_flag(const CLI::App& app, std::string_view written) {
  const auto name = without_dashes(written.substr(0, written.find('=')));
  std::string nearest;
  std::size_t fewest = name.npos;
  for (const auto* command : app.get_subcommands()) {
    if (nearest = nearest_flag(*command, written); !nearest.empty()) return nearest;
  }
  for (const auto* option : app.get_options()) {
    for (const auto& flag : option->get_lnames()) {
      const auto edits = eval::edits_between(name, flag);
      if (edits.count * 3 > edits.longest || edits.count >= fewest) continue;
      fewest = edits.count;
      nearest = "--" + flag;
    }
  }
  return nearest;
}

// The subcommand of `app` of which at most half would have to change, since they are short; blank if there is none, or one was
// called.
inline std::string nearest_subcommand(const CLI::App& app, std::string_view written) {
  std::string nearest;
  if (!app.get_subcommands().empty()) return nearest;
  std::size_t fewest = written.npos;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    const auto edits = eval::edits_between(written, command->get_name());
    if (edits.count * 2 > edits.longest || edits.count >= fewest) continue;
    fewest = edits.count;
    nearest = command->get_name();
  }
  return nearest;
}

inline std::string failure_with_suggestion(const CLI::App* app, const CLI::Error& error) {
  std::string suggestions;
  for (const auto& written : app->remaining(true)) {
    const auto meant = written.starts_with('-') ? nearest_flag(*app, written) : nearest_subcommand(*app, written);
    if (!meant.empty()) suggestions += "Did you mean " + meant + "?\n";
  }
  auto message = CLI::FailureMessage::simple(app, error);
  return message.insert(message.find('\n') + 1, suggestions);
}

}  // namespace braintrust::detail
