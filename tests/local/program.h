#pragma once

// `Program`: a real process with its standard output at hand. Threads: one thread at a time.

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

extern char** environ;

class Program {
 public:
  // `words` is the program and its arguments; `environment` is set over ours ("NAME=value"). Output and errors come together.
  explicit Program(std::vector<std::string> words, std::vector<std::string> environment = {}) {
    int ends[2];
    if (::pipe(ends) != 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    std::vector<char*> argv, envp;
    for (auto& word : words) argv.push_back(word.data());
    for (auto& entry : environment) envp.push_back(entry.data());
    for (char** entry = environ; *entry; ++entry) {
      const std::string_view text = *entry;
      bool ours = true;
      for (const auto& changed : environment) ours &= changed.substr(0, changed.find('=')) != text.substr(0, text.find('='));
      if (ours) envp.push_back(*entry);
    }
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    if (::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data()) != 0) pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ::fdopen(ends[0], "r");
  }

  ~Program() {
    if (pid_ > 0) {
      signal(SIGKILL);
      wait();
    }
    if (output_) ::fclose(output_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // The next line of its output, without its end; blank if it ended.
  std::string line() {
    char* text = nullptr;
    std::size_t size = 0;
    const auto length = ::getline(&text, &size, output_);
    std::string result(text ? text : "", length > 0 ? static_cast<std::size_t>(length) : 0);
    ::free(text);
    if (!result.empty() && result.back() == '\n') result.pop_back();
    return result;
  }

  // What it prints from here to its end.
  std::string rest() {
    std::string all;
    for (int c; (c = std::fgetc(output_)) != EOF;) all += static_cast<char>(c);
    return all;
  }

  void signal(int number) const { ::kill(pid_, number); }

  // Waits for its end: the exit code, or 128 + n if signal n killed it.
  int wait() {
    int status = 0;
    if (pid_ <= 0 || ::waitpid(pid_, &status, 0) != pid_) return -1;
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_ = -1;
  std::FILE* output_ = nullptr;
};
