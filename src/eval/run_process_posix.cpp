#include "eval/run_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <thread>

#include "core/spawn_arguments.h"

namespace braintrust::detail {
namespace {

using Clock = std::chrono::steady_clock;

// Nothing of ours stays open in a child, not even in one that another thread starts meanwhile.
bool open_pipe(int (&ends)[2]) {
#if defined(__APPLE__)
  if (::pipe(ends) != 0) return false;
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  return true;
#else
  return ::pipe2(ends, O_CLOEXEC) == 0;
#endif
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

// How the child begins: output into the pipe, no other stream, no signal blocked or ignored that it may need, and a process
// group of its own, so that what it starts can be ended with it.
class Beginning {
 public:
  explicit Beginning(int output) {
    ::posix_spawn_file_actions_init(&actions_);
    // The pipe first: in a program that has closed its standard streams, it may be one of them.
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    sigset_t none;
    sigemptyset(&none);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGCHLD);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &defaults);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~Beginning() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }
  Beginning(const Beginning&) = delete;
  Beginning& operator=(const Beginning&) = delete;

  bool spawn(pid_t& child, char* const* argv, char* const* envp) const {
    return ::posix_spawnp(&child, argv[0], &actions_, &attributes_, argv, envp) == 0;
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left, 0, 60'000));
}

enum class Ending { closed, full, late };

// Reads until the other end is closed, there are `most` bytes, or it is late.
Ending read_all(int from, std::size_t most, Clock::time_point deadline, std::string& output) {
  std::array<char, 16384> chunk{};
  for (;;) {
    pollfd waiting{.fd = from, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return Ending::late;
    if (ready == 0) {
      if (Clock::now() >= deadline) return Ending::late;
      continue;
    }
    const auto size = ::read(from, chunk.data(), chunk.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return Ending::closed;
    output.append(chunk.data(), std::min(static_cast<std::size_t>(size), most - output.size()));
    if (output.size() == most) return Ending::full;
  }
}

enum class Exit { good, bad, none_yet };

Exit exit_of(pid_t child, int options) {
  int status = 0;
  pid_t ended = -1;
  do {
    ended = ::waitpid(child, &status, options);
  } while (ended < 0 && errno == EINTR);
  if (ended == 0) return Exit::none_yet;
  // A program that ignores SIGCHLD, or waits for every child itself, is never told how ours ended. What it printed counts.
  if (ended < 0) return Exit::good;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? Exit::good : Exit::bad;
}

// A program may close its output and go on.
Exit await_exit(pid_t child, Clock::time_point deadline) {
  for (std::chrono::microseconds pause(100);; pause = std::min(pause * 2, std::chrono::microseconds(10'000))) {
    const Exit exit = exit_of(child, WNOHANG);
    if (exit != Exit::none_yet || Clock::now() >= deadline) return exit;
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

std::optional<std::string> run_process(const ProcessOptions& options) {
  if (Clock::now() >= options.deadline) return std::nullopt;
  int ends[2] = {-1, -1};
  if (!open_pipe(ends)) return std::nullopt;
  const Descriptor from(ends[0]);
  Descriptor into(ends[1]);
  auto words = options.program;
  auto entries = environment_with(options.environment);
  const auto argv = pointers_to(words);
  const auto envp = pointers_to(entries);
  pid_t child = 0;
  if (!Beginning(into.get()).spawn(child, argv.data(), envp.data())) return std::nullopt;
  into.close();

  std::string output;
  const Ending ending = read_all(from.get(), options.most_bytes, options.deadline, output);
  const Exit exit = ending == Ending::closed ? await_exit(child, options.deadline) : Exit::none_yet;
  if (exit == Exit::none_yet) {
    ::kill(-child, SIGKILL);
    exit_of(child, 0);
  }
  if (ending == Ending::full || exit == Exit::good) return output;
  return std::nullopt;
}

}  // namespace braintrust::detail
