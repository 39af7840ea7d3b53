// What an experiment tells of the sources: real repositories, made by `git` in folders that are gone afterwards.

#include "eval/git.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/run_process.h"
#include "local/temporary_folder.h"

namespace braintrust::detail {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Collect = GitOptions::Collect;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds long_enough(60);  // on any machine

// Sets variables, and puts back what was there.
class Variables {
 public:
  explicit Variables(std::vector<std::pair<std::string, std::string>> set) {
    for (const auto& [name, value] : set) {
      const char* before = ::getenv(name.c_str());
      before_.emplace_back(name, before ? std::optional<std::string>(before) : std::nullopt);
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  ~Variables() {
    for (const auto& [name, value] : before_) value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

class GitTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!run_process({{"git", "--version"}, {}, 1000, std::chrono::steady_clock::now() + long_enough})) {
      GTEST_SKIP() << "git is not installed";
    }
  }

  // Runs `git` in a repository of the folder; its first line.
  std::string git(const std::string& repository, std::vector<std::string> arguments) {
    std::vector<std::string> program = {"git", "-C", folder / repository.c_str()};
    program.insert(program.end(), arguments.begin(), arguments.end());
    const auto output = run_process({program, {}, 1 << 20, std::chrono::steady_clock::now() + long_enough});
    EXPECT_TRUE(output) << "git " << json(arguments);
    const std::string text = output.value_or("");
    return text.substr(0, text.find('\n'));
  }
  void make(const std::string& repository, const std::string& branch = "main") {
    std::filesystem::create_directories(folder.path() / repository);
    git(repository, {"init", "-q", "-b", branch});
  }
  // Commits a file that holds `text`, a second after the commit before.
  std::string commit(const std::string& repository, const std::string& text, const std::string& message = "") {
    write(folder.path() / repository / "answer.txt", text + "\n");
    git(repository, {"add", "answer.txt"});
    return commit_all(repository, message.empty() ? text : message);
  }
  std::string commit_all(const std::string& repository, const std::string& message) {
    const Variables date({{"GIT_COMMITTER_DATE", std::to_string(1'700'000'000 + ++commits_) + " +0200"}});
    git(repository, {"commit", "-q", "--allow-empty", "-a", "-m", message});
    return git(repository, {"rev-parse", "HEAD"});
  }
  GitState state(const std::string& repository, const GitOptions& settings = {}) {
    return git_state(settings, folder / repository.c_str(), long_enough);
  }

  TemporaryFolder folder;
  Variables variables{{{"GIT_CONFIG_GLOBAL", "/dev/null"},
                       {"GIT_CONFIG_SYSTEM", "/dev/null"},
                       {"GIT_CEILING_DIRECTORIES", folder.path().string()},
                       {"GIT_AUTHOR_NAME", "Ada Å"},
                       {"GIT_AUTHOR_EMAIL", "ada@example.com"},
                       {"GIT_COMMITTER_NAME", "Bob"},
                       {"GIT_COMMITTER_EMAIL", "bob@example.com"}}};

 private:
  int commits_ = 0;
};

TEST_F(GitTest, TellsOfACommitWithoutChanges) {
  make("r");
  const auto hash = commit("r", "one", "First line\n\nMore of it.\n");
  git("r", {"tag", "v1.0"});
  EXPECT_EQ(state("r").repo_info, (json{{"commit", hash},
                                        {"branch", "main"},
                                        {"tag", "v1.0"},
                                        {"dirty", false},
                                        {"author_name", "Ada Å"},
                                        {"author_email", "ada@example.com"},
                                        {"commit_message", "First line\n\nMore of it."},
                                        {"commit_time", "2023-11-15T00:13:21+02:00"}}));
}

TEST_F(GitTest, TellsWhatIsChangedSinceTheCommit) {
  make("r");
  commit("r", "one");
  write(folder / "r/untracked.txt", "new\n");
  EXPECT_EQ(state("r").repo_info["dirty"], false) << "a file that git does not know";
  write(folder / "r/answer.txt", "two\n");
  auto info = state("r").repo_info;
  EXPECT_EQ(info["dirty"], true);
  EXPECT_THAT(info["git_diff"], HasSubstr("diff --git a/answer.txt b/answer.txt\n"));
  EXPECT_THAT(info["git_diff"], HasSubstr("\n-one\n+two\n"));
  EXPECT_FALSE(info.contains("tag"));
  git("r", {"add", "answer.txt"});
  EXPECT_THAT(state("r").repo_info["git_diff"], HasSubstr("\n-one\n+two\n")) << "staged";
}

TEST_F(GitTest, LeavesFilesThatWereOnlyTouchedOutOfTheDiff) {
  make("r");
  for (const char* name : {"r/a.txt", "r/b.txt", "r/z.txt"}) write(folder / name, "same\n");
  git("r", {"add", "."});
  commit("r", "one");
  for (const char* name : {"r/a.txt", "r/b.txt", "r/z.txt"}) {
    std::filesystem::last_write_time(folder / name, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  }
  EXPECT_EQ(state("r").repo_info["dirty"], false);
  write(folder / "r/b.txt", "changed\n");
  const std::string diff = state("r").repo_info["git_diff"];
  EXPECT_THAT(diff, testing::StartsWith("diff --git a/b.txt b/b.txt\nindex "));
  EXPECT_THAT(diff, testing::EndsWith("\n-same\n+changed\n"));
}

TEST_F(GitTest, CutsTheDiffBetweenTwoCharacters) {
  make("r");
  commit("r", "one");
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += "\xC3\xA9";  // "é", two bytes
  std::set<std::size_t> sizes;
  for (const char* before : {"", "x"}) {
    write(folder / "r/answer.txt", before + text + "\n");
    const std::string diff = state("r").repo_info["git_diff"];
    EXPECT_EQ(diff.substr(diff.size() - 2), "\xC3\xA9");
    sizes.insert(diff.size());
  }
  EXPECT_THAT(sizes, ElementsAre(65'535, 65'536));
}

TEST_F(GitTest, TellsTextThatIsNoUtf8) {
  make("r");
  commit("r", "one");
  write(folder / "r/answer.txt", "a\xFF\xC3(\n");
  EXPECT_THAT(state("r").repo_info["git_diff"], HasSubstr("\n+a\xEF\xBF\xBD\xEF\xBF\xBD(\n"));
}

TEST_F(GitTest, TellsOnlyTheFieldsAskedFor) {
  make("r");
  const auto hash = commit("r", "one");
  write(folder / "r/answer.txt", "two\n");
  const auto only = [&](std::vector<std::string> fields) {
    return state("r", {.collect = Collect::some, .fields = std::move(fields)}).repo_info;
  };
  const json all = state("r").repo_info;
  EXPECT_EQ(all.size(), 8);
  for (const auto& [field, value] : all.items()) EXPECT_EQ(only({field}), (json{{field, value}}));
  EXPECT_EQ(only({"branch", "commit", "password"}), (json{{"branch", "main"}, {"commit", hash}}));
}

TEST_F(GitTest, AnswersInASubdirectoryWithThePathsAndChangesOfAll) {
  make("r");
  commit("r", "one");
  write(folder / "r/answer.txt", "two\n");
  write(folder / "r/below/deep/file", "");
  EXPECT_THAT(state("r/below/deep").repo_info["git_diff"], HasSubstr("a/answer.txt"));
}

TEST_F(GitTest, IsNotLedByTheSettingsOfItsUser) {
  make("r");
  const auto first = commit("r", "one");
  commit("r", "two");
  write(folder / "r/answer.txt", "three\n");
  write(folder / "r/.git/info/attributes", "*.txt diff=loud\n");
  const auto plain = state("r");
  const std::string ran = folder / "ran";
  const std::string touch = "touch '" + ran + "';:";
  for (const auto& [name, value] : {std::pair{"color.ui", "always"},
                                    {"color.diff", "always"},
                                    {"diff.noprefix", "true"},
                                    {"diff.context", "0"},
                                    {"diff.external", touch.c_str()},
                                    {"diff.loud.textconv", touch.c_str()},
                                    {"diff.loud.command", touch.c_str()},
                                    {"core.pager", touch.c_str()},
                                    {"core.fsmonitor", touch.c_str()},
                                    {"log.showSignature", "true"},
                                    {"log.date", "relative"},
                                    {"format.pretty", "oneline"},
                                    {"status.branch", "true"},
                                    {"status.short", "false"},
                                    {"status.showUntrackedFiles", "all"},
                                    {"i18n.logOutputEncoding", "UTF-16"},
                                    {"column.ui", "always"}}) {
    git("r", {"config", name, value});
  }
  const auto led = state("r");
  EXPECT_EQ(led.repo_info, plain.repo_info);
  EXPECT_EQ(led.ancestor_commits, plain.ancestor_commits);
  EXPECT_FALSE(std::filesystem::exists(ran)) << "a program of the repository's choice ran";
}

TEST_F(GitTest, WritesNothing) {
  make("r");
  commit("r", "one");
  std::filesystem::last_write_time(folder / "r/answer.txt",
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  const auto index = folder / "r/.git/index";
  const auto before = std::filesystem::last_write_time(index);
  EXPECT_EQ(state("r").repo_info["dirty"], false);
  EXPECT_EQ(std::filesystem::last_write_time(index), before);
}

TEST_F(GitTest, FetchesNothing) {
  make("far");
  commit("far", "one");
  git("far", {"config", "uploadpack.allowFilter", "true"});
  git("far", {"config", "uploadpack.allowAnySHA1InWant", "true"});
  git(".", {"clone", "-q", "--no-checkout", "--filter=blob:none", "file://" + (folder / "far"), "near"});
  write(folder / "near/answer.txt", "two\n");
  const auto info = state("near").repo_info;  // the diff needs what only the remote has
  EXPECT_EQ(info["dirty"], true);
  EXPECT_THAT(info.value("git_diff", ""), Not(HasSubstr("-one")));
}

TEST_F(GitTest, TellsWhatThereIsWhereThereIsLittle) {
  std::filesystem::create_directories(folder.path() / "plain");
  EXPECT_EQ(state("plain").repo_info, json()) << "no repository";
  EXPECT_EQ(state("missing").repo_info, json()) << "no such folder";
  make("empty");
  EXPECT_EQ(state("empty").repo_info, (json{{"branch", "main"}, {"dirty", false}}));
  EXPECT_THAT(state("empty").ancestor_commits, IsEmpty());
  make("detached");
  const auto first = commit("detached", "one");
  const auto second = commit("detached", "two");
  git("detached", {"checkout", "-q", "--detach"});
  EXPECT_FALSE(state("detached").repo_info.contains("branch"));
  EXPECT_EQ(state("detached").repo_info["commit"], second);
  EXPECT_THAT(state("detached").ancestor_commits, ElementsAre(first));
}

TEST_F(GitTest, TellsNothingWithoutGit) {
  make("r");
  commit("r", "one");
  const Variables path({{"PATH", folder.path().string()}});
  EXPECT_EQ(state("r").repo_info, json());
  EXPECT_THAT(state("r").ancestor_commits, IsEmpty());
}

TEST_F(GitTest, TakesBranchesAndTagsByAnyName) {
  for (const std::string name :
       {"--help", "-x", "$(touch${IFS}ran)", "heads/main", "refs/heads/main", "a;b|c&d", "\xC3\xA9\xE2\x80\xAE", "HEAD"}) {
    SCOPED_TRACE(name);
    make("r");
    const auto first = commit("r", "one");
    const auto second = commit("r", "two");
    git("r", {"update-ref", "refs/heads/" + name, "HEAD"});
    git("r", {"symbolic-ref", "HEAD", "refs/heads/" + name});
    git("r", {"update-ref", "refs/tags/" + name, "HEAD"});
    const auto told = state("r");
    EXPECT_EQ(told.repo_info.value("branch", ""), name);
    EXPECT_EQ(told.repo_info.value("tag", ""), name);
    EXPECT_EQ(told.repo_info["commit"], second);
    EXPECT_THAT(told.ancestor_commits, ElementsAre(first));
    std::filesystem::remove_all(folder.path() / "r");
  }
}

TEST_F(GitTest, AncestorsAreTheCommitsBeforeTheOneThatIsThere) {
  make("r");
  const auto first = commit("r", "one");
  EXPECT_THAT(state("r").ancestor_commits, IsEmpty());
  const auto second = commit("r", "two");
  const auto third = commit("r", "three");
  EXPECT_THAT(state("r").ancestor_commits, ElementsAre(second, first));
  write(folder / "r/answer.txt", "four\n");
  EXPECT_THAT(state("r").ancestor_commits, ElementsAre(third, second, first)) << "changed since: HEAD is before it";
}

TEST_F(GitTest, AncestorsOfABranchAreItsOwnThenThoseOfTheBaseBranch) {
  make("r");
  const auto first = commit("r", "one");
  const auto second = commit("r", "two");
  git("r", {"checkout", "-q", "-b", "topic"});
  const auto third = commit("r", "three");
  const auto fourth = commit("r", "four");
  git("r", {"checkout", "-q", "main"});
  const auto elsewhere = commit("r", "five");
  git("r", {"checkout", "-q", "topic"});
  EXPECT_THAT(state("r").ancestor_commits, ElementsAre(third, second, first)) << "without " << elsewhere;
  git("r", {"branch", "-q", "-m", "main", "trunk"});
  EXPECT_THAT(state("r").ancestor_commits, ElementsAre(third, second, first)) << "without a base branch";
}

TEST_F(GitTest, AncestorsOnTheBaseBranchAreFirstParents) {
  make("r");
  const auto first = commit("r", "one");
  git("r", {"checkout", "-q", "-b", "merged"});
  const auto merged_commit = commit_all("r", "merged");
  git("r", {"checkout", "-q", "main"});
  const auto second = commit_all("r", "two");
  git("r", {"merge", "-q", "--no-ff", "-m", "merge", "merged"});
  const auto merge = git("r", {"rev-parse", "HEAD"});
  commit("r", "three");
  EXPECT_THAT(state("r").ancestor_commits, ElementsAre(merge, second, first)) << "without " << merged_commit;
}

TEST_F(GitTest, AncestorsComeFromTheRemoteBaseBranchWhereThereIsOne) {
  make("far", "trunk");
  const auto first = commit("far", "one");
  git("far", {"checkout", "-q", "-b", "side"});
  const auto side = commit_all("far", "side");
  git("far", {"checkout", "-q", "trunk"});
  const auto mainline = commit_all("far", "mainline");
  git("far", {"merge", "-q", "--no-ff", "-m", "merge", "side"});
  const auto merge = git("far", {"rev-parse", "HEAD"});
  git(".", {"clone", "-q", folder / "far", "near"});
  // The base branch is the one that the remote's HEAD names.
  const auto second = commit("near", "two");
  const auto third = commit("near", "three");
  EXPECT_THAT(state("near").ancestor_commits, ElementsAre(second, merge, mainline, first)) << "without " << side << third;
  // A base branch's local name counts first.
  git("near", {"update-ref", "refs/heads/develop", first});
  git("near", {"update-ref", "refs/remotes/origin/develop", first});
  EXPECT_THAT(state("near").ancestor_commits, testing::UnorderedElementsAre(second, merge, mainline, side, first));
  // With two of them, none is the one.
  git("near", {"update-ref", "refs/heads/main", first});
  EXPECT_THAT(state("near").ancestor_commits, ElementsAre(second, merge, mainline, first));
  git("near", {"update-ref", "-d", "refs/heads/main"});
  // What was never fetched is known by the local branch alone.
  git("near", {"update-ref", "-d", "refs/remotes/origin/develop"});
  EXPECT_THAT(state("near").ancestor_commits, testing::UnorderedElementsAre(second, merge, mainline, side, first));
}

TEST_F(GitTest, CommitsThatAreNotPushedAreNotTheBaseBranchs) {
  make("far");
  const auto first = commit("far", "one");
  git(".", {"clone", "-q", folder / "far", "near"});
  git("near", {"checkout", "-q", "-b", "side"});
  const auto side = commit_all("near", "side");
  git("near", {"checkout", "-q", "main"});
  const auto second = commit_all("near", "two");
  git("near", {"merge", "-q", "--no-ff", "-m", "merge", "side"});
  const auto merge = git("near", {"rev-parse", "HEAD"});
  commit("near", "three");
  EXPECT_THAT(state("near").ancestor_commits, testing::UnorderedElementsAre(merge, second, side, first));
}

TEST_F(GitTest, AncestorsEndAtAThousand) {
  make("r");
  std::string stream;
  for (int i = 1; i <= 1200; ++i) {
    stream += "commit refs/heads/main\ncommitter a <a@b> " + std::to_string(1'600'000'000 + i) + " +0000\ndata 0\n\n";
  }
  write(folder / "stream", stream);
  ASSERT_EQ(std::system(("git -C '" + (folder / "r") + "' fast-import --quiet < '" + (folder / "stream") + "'").c_str()), 0);
  const auto on_main = state("r").ancestor_commits;
  EXPECT_EQ(on_main.size(), 1000);
  git("r", {"update-ref", "refs/heads/topic", "main"});
  git("r", {"symbolic-ref", "HEAD", "refs/heads/topic"});
  git("r", {"update-ref", "refs/heads/main", "main~500"});
  const auto on_topic = state("r").ancestor_commits;
  EXPECT_EQ(on_topic, on_main);
  EXPECT_EQ(std::set(on_topic.begin(), on_topic.end()).size(), 1000) << "each once";
}

// A `git` that does what `script` says.
class FakeGit {
 public:
  explicit FakeGit(const std::string& script) {
    write(folder_ / "git", "#!/bin/sh\n" + script + "\n");
    ::chmod((folder_ / "git").c_str(), 0700);
  }
  std::string operator/(const char* name) const { return folder_ / name; }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
  Variables path_{{{"PATH", folder_.path().string() + ":" + ::getenv("PATH")}}};
};

milliseconds time_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
}

TEST(GitState, CollectingNothingRunsNothing) {
  const FakeGit fake("echo ran >> \"$(dirname \"$0\")/ran\"");
  EXPECT_EQ(git_state({.collect = Collect::none}, ".").repo_info, json());
  EXPECT_FALSE(std::filesystem::exists(fake / "ran"));
  git_state({}, ".");
  EXPECT_TRUE(std::filesystem::exists(fake / "ran")) << "else this test shows nothing";
}

TEST(GitState, AGitThatHangsIsGivenUpAndLeavesNothingBehind) {
  // Its child holds the pipe, too.
  const FakeGit fake("echo $$ >> \"$(dirname \"$0\")/pids\"\nsleep 60 & echo $! >> \"$(dirname \"$0\")/pids\"\nwait");
  EXPECT_LT(time_of([] { EXPECT_EQ(git_state({}, ".", milliseconds(400)).repo_info, json()); }), seconds(20));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child was not waited for";
  std::ifstream pids(fake / "pids");
  int known = 0;
  for (pid_t pid = 0; pids >> pid; ++known) {
    // A grandchild is waited for by somebody else, in a while.
    for (int i = 0; ::kill(pid, 0) == 0; ++i) {
      std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
      std::string number, name, letter;
      if (stat >> number >> name >> letter && letter == "Z") break;
      ::usleep(10'000);
      ASSERT_LT(i, 999) << pid << " still runs";
    }
  }
  EXPECT_EQ(known, 2);
}

TEST(GitState, ASlowAnswerDoesNotTakeTheTimeOfTheOthers) {
  const FakeGit fake(
      "case \" $* \" in *\" rev-parse --git-dir \"*) exit 0;; *\" symbolic-ref \"*) echo refs/heads/b;; *\" status \"*) sleep "
      "60;; "
      "*) exit 1;; esac");
  EXPECT_EQ(git_state({}, ".", seconds(4)).repo_info, (json{{"branch", "b"}}));
}

TEST(GitState, AGitThatTalksWithoutEndIsCutShort) {
  const FakeGit fake("exec yes refs/heads/endless");
  EXPECT_LT(time_of([] { EXPECT_EQ(git_state({}, ".", long_enough).repo_info["branch"], "endless"); }), seconds(50));
}

TEST(GitOptions, CollectWhatBothAllow) {
  const GitOptions all;
  const GitOptions none{.collect = Collect::none};
  const GitOptions some{.collect = Collect::some, .fields = {"commit", "branch"}};
  const struct {
    GitOptions user;
    const char* organisation;
    Collect collect;
    std::vector<std::string> fields;
  } rows[] = {
      {all, R"({"collect": "all"})", Collect::all, {}},
      {all, R"({"collect": "none"})", Collect::none, {}},
      {all, R"({"collect": "some", "fields": ["dirty", "commit"]})", Collect::some, {"dirty", "commit"}},
      {none, R"({"collect": "all"})", Collect::none, {}},
      {none, R"({"collect": "some", "fields": ["commit"]})", Collect::none, {}},
      {none, R"({"collect": "none"})", Collect::none, {}},
      {some, R"({"collect": "all"})", Collect::some, {"commit", "branch"}},
      {some, R"({"collect": "none", "fields": ["commit"]})", Collect::none, {}},
      {some, R"({"collect": "some", "fields": ["dirty", "branch"]})", Collect::some, {"branch"}},
      {some, R"({"collect": "some", "fields": ["dirty"]})", Collect::none, {}},
      {some, R"({"collect": "some"})", Collect::none, {}},
      {all, R"({"collect": "some", "fields": []})", Collect::none, {}},
      {all, R"({"collect": "some", "fields": [1, null, "tag"]})", Collect::some, {"tag"}},
      {{.collect = Collect::some}, R"({"collect": "all"})", Collect::none, {}},
      // Not said, or not understood.
      {all, "", Collect::none, {}},
      {all, "null", Collect::none, {}},
      {all, "{}", Collect::none, {}},
      {all, R"({"collect": "ALL"})", Collect::none, {}},
      {all, R"({"collect": true})", Collect::none, {}},
      {all, R"({"collect": "all")", Collect::none, {}},
      {all, R"(["all"])", Collect::none, {}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(testing::Message() << static_cast<int>(row.user.collect) << " " << row.organisation);
    const auto both = merged(row.user, row.organisation);
    EXPECT_EQ(both.collect, row.collect);
    EXPECT_EQ(both.fields, row.fields);
  }
}

}  // namespace
}  // namespace braintrust::detail
