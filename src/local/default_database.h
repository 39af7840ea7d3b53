#pragma once

// Where `serve`, `run` and `show` meet when no file is named. Threads: reads the environment; call before starting threads.
// Source: XDG Base Directory Specification, "$XDG_DATA_HOME".

#include <string>

#include <braintrust/core/result.h>

namespace braintrust::local {

// $XDG_DATA_HOME/braintrust/local.db, else ~/.local/share/braintrust/local.db.
Result<std::string> default_database();

// The same, with its folder made (for its owner only) where it is missing.
Result<std::string> make_default_database();

}  // namespace braintrust::local
