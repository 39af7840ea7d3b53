#pragma once

// `.env.braintrust`: settings that a project keeps in a file beside its sources.
//
// Looked for by the background thread at its first need, because that is disk I/O: in the working directory, then in each
// parent, 65 places in all. The nearest file that exists is the one; when it cannot be read or understood it gives nothing, and
// no file above it is looked at. Only the allow-listed names are ever handed out; nothing is written to the environment or to a
// log.
//
// Threads: pure functions (and the file system). Errors: none; what cannot be had is not there.
// Source: INST 20.13-20.24; braintrust-spec features/environment-variables.md.

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace braintrust::detail {

// Values by name, blank ones left out.
using EnvFile = std::map<std::string, std::string, std::less<>>;

// From `working_directory` upwards; empty when there is none, and when `working_directory` is blank.
EnvFile find_env_file(const std::string& working_directory);

// `K=v`, `export K=v`, `"v"`, `'v'`, comments, blank lines. Nothing when a line is neither, or a quote is left open.
std::optional<EnvFile> parse_env_file(std::string_view text);

}  // namespace braintrust::detail
