#include "eval/git.h"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <optional>
#include <unordered_set>
#include <utility>

#include "core/environment.h"
#include "core/json_member.h"
#include "core/utf8.h"
#include "eval/run_process.h"

namespace braintrust::detail {
namespace {

using nlohmann::json;
using Collect = GitOptions::Collect;

constexpr std::size_t most_text_bytes = 65'536;  // PROTO 3.1
constexpr std::size_t most_ancestors = 1000;
constexpr std::size_t most_output_bytes = 4 << 20;

// Runs `git`. A run has half of the time that is left: a slow one does not take all of it from the others.
class Git {
 public:
  Git(const std::string& directory, std::chrono::milliseconds patience)
      : directory_(directory), deadline_(std::chrono::steady_clock::now() + patience) {}

  std::optional<std::string> operator()(std::vector<std::string> arguments) const {
    // A monitor of the file system would be a program of the repository's choice, and one that stays.
    std::vector<std::string> program = {"git", "--no-pager", "-C", directory_, "-c", "core.fsmonitor=false"};
    std::move(arguments.begin(), arguments.end(), std::back_inserter(program));
    const auto now = std::chrono::steady_clock::now();
    return run_process({.program = std::move(program),
                        .environment = {{"GIT_TERMINAL_PROMPT", "0"},
                                        {"GIT_OPTIONAL_LOCKS", "0"},
                                        // A partial clone would fetch what it lacks; older ones know only the second.
                                        {"GIT_NO_LAZY_FETCH", "1"},
                                        {"GIT_ALLOW_PROTOCOL", ""}},
                        .most_bytes = most_output_bytes,
                        .deadline = now + (deadline_ - now) / 2});
  }

  // The first line; none when it is blank.
  std::optional<std::string> line(std::vector<std::string> arguments) const {
    auto output = (*this)(std::move(arguments));
    if (!output) return std::nullopt;
    output->resize(std::min(output->find('\n'), output->size()));
    if (output->empty()) return std::nullopt;
    return output;
  }

  std::vector<std::string> lines(std::vector<std::string> arguments) const {
    const auto output = (*this)(std::move(arguments)).value_or("");
    std::vector<std::string> lines;
    for (std::size_t from = 0; from < output.size();) {
      const std::size_t end = std::min(output.find('\n', from), output.size());
      lines.push_back(output.substr(from, end - from));
      from = end + 1;
    }
    return lines;
  }

 private:
  const std::string& directory_;
  std::chrono::steady_clock::time_point deadline_;
};

// As JSON can hold it: U+FFFD in place of what is no UTF-8, and cut between two characters.
std::string text_of(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const auto [length, valid] = utf8::next_sequence(bytes);
    const std::string_view character = valid ? bytes.substr(0, length) : "\xEF\xBF\xBD";
    if (text.size() + character.size() > most_text_bytes) break;
    text += character;
    bytes.remove_prefix(length);
  }
  return text;
}

// The part of a ref's name that people know it by, whatever that looks like.
std::optional<std::string> below(std::string_view prefix, std::optional<std::string> ref) {
  if (!ref || !ref->starts_with(prefix)) return std::nullopt;
  return ref->substr(prefix.size());
}

// Of the files that git knows. What is changed within a submodule is the submodule's affair.
std::optional<bool> is_dirty(const Git& git) {
  const auto changes =
      git({"status", "--porcelain", "-z", "--untracked-files=no", "--no-renames", "--ignore-submodules=dirty"});
  if (!changes) return std::nullopt;
  return !changes->empty();
}

// Of HEAD, in one run: `rev-list` heeds fewer of the user's settings than `log` does.
void put_commit(const Git& git, const std::function<bool(const char*)>& wants, json& info) {
  constexpr std::array fields = {"commit", "author_name", "author_email", "commit_time", "commit_message"};
  if (std::none_of(fields.begin(), fields.end(), wants)) return;
  const auto output =
      git({"rev-list", "--max-count=1", "--encoding=UTF-8", "--format=%H%x00%aN%x00%aE%x00%cI%x00%B", "HEAD", "--"});
  if (!output) return;
  std::string_view rest = *output;
  rest = rest.substr(std::min(rest.find('\n'), rest.size()));  // "commit <hash>"
  for (const char* field : fields) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    if (const auto value = trimmed(rest.substr(0, end)); wants(field) && !value.empty()) info[field] = text_of(value);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

json repo_info(const Git& git, const GitOptions& settings, std::optional<bool> dirty) {
  const auto wants = [&](const char* field) {
    return settings.collect == Collect::all ||
           std::find(settings.fields.begin(), settings.fields.end(), field) != settings.fields.end();
  };
  json info;
  put_commit(git, wants, info);
  if (wants("branch")) {
    if (const auto branch = below("refs/heads/", git.line({"symbolic-ref", "-q", "HEAD"}))) info["branch"] = text_of(*branch);
  }
  if (wants("tag")) {
    if (const auto tag = git.line({"describe", "--tags", "--exact-match", "HEAD"})) info["tag"] = text_of(*tag);
  }
  if (wants("dirty") && dirty) info["dirty"] = *dirty;
  // `git diff` would bend to two dozen settings of its user, and write the index.
  if (wants("git_diff") && dirty.value_or(false)) {
    const auto diff = git({"diff-index", "--patch", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames",
                           "--ignore-submodules=dirty", "HEAD", "--"});
    if (diff) info["git_diff"] = text_of(*diff);
  }
  return info;
}

// What this branch is to be merged into, as a full name of a ref that exists.
std::optional<std::string> base_branch(const Git& git) {
  const auto remotes = git.lines({"remote"});
  const bool has_origin = std::find(remotes.begin(), remotes.end(), "origin") != remotes.end();
  const std::string remote = has_origin ? "origin" : remotes.empty() ? "" : remotes.front();
  const std::string remote_refs = "refs/remotes/" + remote + "/";

  std::vector<std::string> usual;
  for (const auto& ref :
       git.lines({"for-each-ref", "--format=%(refname)", "refs/heads/main", "refs/heads/master", "refs/heads/develop"})) {
    usual.push_back(ref.substr(std::string_view("refs/heads/").size()));
  }
  std::optional<std::string> name;
  if (usual.size() == 1) name = usual.front();
  if (!name && !remote.empty()) name = below(remote_refs, git.line({"symbolic-ref", "-q", remote_refs + "HEAD"}));
  if (!name) name = "main";

  std::vector<std::string> refs = {"refs/heads/" + *name};
  if (!remote.empty()) refs.insert(refs.begin(), remote_refs + *name);
  for (auto& ref : refs) {
    if (git({"rev-parse", "--verify", "--quiet", ref + "^{commit}"})) return std::move(ref);
  }
  return std::nullopt;
}

std::vector<std::string> ancestor_commits(const Git& git, bool dirty) {
  const auto head = git.line({"rev-parse", "--verify", "--quiet", "HEAD^{commit}"});
  // Nearest is what was committed last before what is there now.
  const auto nearest = dirty ? head : git.line({"rev-parse", "--verify", "--quiet", "HEAD^"});
  if (!head || !nearest) return {};
  const auto most = "--max-count=" + std::to_string(most_ancestors + 1);  // one of them may be HEAD
  const auto base = base_branch(git);
  const auto fork = base ? git.line({"merge-base", *nearest, *base}) : std::nullopt;

  std::vector<std::string> commits;
  std::unordered_set<std::string> seen;
  if (!dirty) seen.insert(*head);
  const auto append = [&](std::vector<std::string> more) {
    for (auto& commit : more) {
      if (commits.size() < most_ancestors && seen.insert(commit).second) commits.push_back(std::move(commit));
    }
  };
  // Children before parents, whatever the clocks said. Without a base all of the history is this branch's.
  append(git.lines({"rev-list", most, "--topo-order", fork ? *fork + ".." + *head : *head, "--"}));
  if (fork) append(git.lines({"rev-list", most, "--first-parent", *fork, "--"}));
  return commits;
}

GitOptions read(std::string_view organisation) {
  const json given = json::parse(organisation, nullptr, false);
  const std::string collect = text_at(given, "collect");
  if (collect == "all") return {};
  GitOptions options{.collect = collect == "some" ? Collect::some : Collect::none};
  if (options.collect == Collect::some && member(given, "fields").is_array()) {
    for (const auto& field : member(given, "fields")) {
      if (field.is_string()) options.fields.push_back(field.get<std::string>());
    }
  }
  return options;
}

}  // namespace

GitOptions merged(const GitOptions& user, std::string_view organisation) {
  const GitOptions theirs = read(organisation);
  GitOptions both = user.collect == Collect::all ? theirs : user;
  if (theirs.collect == Collect::none) both.collect = Collect::none;
  if (both.collect == Collect::some && theirs.collect == Collect::some) {
    std::erase_if(both.fields, [&](const std::string& field) {
      return std::find(theirs.fields.begin(), theirs.fields.end(), field) == theirs.fields.end();
    });
  }
  if (both.collect == Collect::some && both.fields.empty()) both.collect = Collect::none;
  if (both.collect != Collect::some) both.fields.clear();
  return both;
}

GitState git_state(const GitOptions& settings, const std::string& directory, std::chrono::milliseconds patience) {
  if (settings.collect == Collect::none) return {};
  const Git git(directory, patience);
  if (!git({"rev-parse", "--git-dir"})) return {};  // no repository, or no git
  const auto dirty = is_dirty(git);
  return {.repo_info = repo_info(git, settings, dirty), .ancestor_commits = ancestor_commits(git, dirty.value_or(false))};
}

}  // namespace braintrust::detail
