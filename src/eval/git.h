#pragma once

// The state of the sources that an experiment is told with: the commit, what is changed since, and the commits before it, by
// which the server finds the experiment to compare with.
//
// Asks the `git` along PATH, in a handful of short runs that read only: no network, no prompt, no lock, no program that the
// repository's configuration names but filters of contents. What it does not answer in time is left out.
//
// Threads: from any; `git_state` waits, `patience` at most. Errors: none. Source: PROTO 3.1, 20.22, 20.23.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/eval/experiment.h>

namespace braintrust::detail {

struct GitState {
  // {commit, branch, tag, dirty, author_name, author_email, commit_message, commit_time, git_diff}, as far as they are there
  // and asked for. Null: none to be told.
  nlohmann::json repo_info = nullptr;
  // The states that the sources came from, nearest first: the commits of this branch, then those of the base branch. HEAD is
  // one only where something is changed since; otherwise it is the state itself.
  std::vector<std::string> ancestor_commits = {};
};

// What both the user and the organisation allow. `organisation` is JSON text; where it is blank or says nothing that is known,
// nothing is collected.
GitOptions merged(const GitOptions& user, std::string_view organisation);

// Of the repository that `directory` is in. With `Collect::none` nothing is run.
GitState git_state(const GitOptions& settings, const std::string& directory,
                   std::chrono::milliseconds patience = std::chrono::seconds(5));

}  // namespace braintrust::detail
