#pragma once

// What `braintrust-local` can do: one function a command, each in its own file. They return the program's exit code.

#include <cstddef>
#include <string>
#include <vector>

#include <braintrust/core/error.h>

namespace braintrust::local {

// Every `database` below: blank means the default file.
struct ServeArguments {
  int port = 8700;
  std::string host = "127.0.0.1";
  bool allow_remote = false;
  std::string database = {};
};
int serve(const ServeArguments& arguments);

struct RunArguments {
  std::string database = {};
  std::vector<std::string> program = {};  // and its arguments
  bool automatic = false;                 // its model calls are traced without its doing
  bool follow = false;                    // a line for each span that ends
};
int run(const RunArguments& arguments);

struct ShowArguments {
  std::string database = {};
  std::string trace = {};  // blank: a list of traces
  bool json = false;
  bool experiments = false;     // a list of those
  bool datasets = false;        // or of those
  std::string experiment = {};  // by name or id: what it came to
  std::string base = {};        // compared to this one instead of its own
  std::size_t limit = 20;       // of the list; 0: all
};
int show(const ShowArguments& arguments);

// Says on stderr what went wrong. Returns 1.
int complain(const Error& error);

}  // namespace braintrust::local
