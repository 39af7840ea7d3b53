#include "local/child_process.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "core/spawn_arguments.h"

namespace braintrust::local {
namespace {

using detail::environment_with, detail::pointers_to;

// A child inherits what its parent blocks and ignores: the server ignores SIGPIPE, and the child must not.
class SpawnAttributes {
 public:
  explicit SpawnAttributes(const sigset_t& mask) {
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setsigmask(&attributes_, &mask);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

ProgramEnd end_of(int status) {
  if (WIFSIGNALED(status)) return {128 + WTERMSIG(status), WTERMSIG(status)};
  return {.code = WEXITSTATUS(status)};
}

}  // namespace

Result<ProgramEnd> run_program(const std::vector<std::string>& program,
                               const std::vector<std::pair<std::string, std::string>>& environment,
                               const BlockedSignals& signals) {
  auto words = program;
  auto entries = environment_with(environment);
  const auto argv = pointers_to(words);
  const auto envp = pointers_to(entries);
  const SpawnAttributes attributes(signals.before());
  pid_t child = 0;
  if (const int code = posix_spawnp(&child, argv[0], nullptr, attributes.get(), argv.data(), envp.data()); code != 0) {
    return Error{code == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                 fmt::format("cannot run {}: {}", program.front(), std::strerror(code))};
  }
  for (;;) {
    const auto signal = signals.wait();
    if (signal.si_signo != SIGCHLD) {
      // A key press reaches the whole foreground group, the child too; only what was sent to us alone is passed on.
      if (signal.si_code != SI_KERNEL) ::kill(child, signal.si_signo);
      continue;
    }
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) return end_of(status);
  }
}

}  // namespace braintrust::local
