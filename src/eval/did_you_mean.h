#pragma once

// What somebody meant who misspelt a flag, for programs that read their command line with CLI11:
//
//   app.failure_message(failure_with_suggestion);
//
// Threads: pure. Errors: none; where no flag is near, nothing is said.

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

inline std::string failure_with_suggestion(const CLI::App* app, const CLI::Error& error) {
  std::string suggestions;
  for (const auto& written : app->remaining(true)) {
    if (!written.starts_with('-')) continue;
    if (const auto flag = nearest_flag(*app, written); !flag.empty()) suggestions += "Did you mean " + flag + "?\n";
  }
  auto message = CLI::FailureMessage::simple(app, error);
  return message.insert(message.find('\n') + 1, suggestions);
}

}  // namespace braintrust::detail
