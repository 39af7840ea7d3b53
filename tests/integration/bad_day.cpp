// A program that has a bad day: bad_day_test.cpp runs it, with what goes wrong as the first argument and the backend's URL as
// the second, and looks at what arrived.

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <braintrust/tracing.h>

#include "support/sanitized.h"

#if BRAINTRUST_ADDRESS_SANITIZED
// These programs end in the midst of things, some of them forked: the leak checker cannot stop their threads to look at them.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

namespace {

using braintrust::Logger;
using braintrust::Span;
using braintrust::start_span;
using std::chrono::milliseconds;
using std::chrono::seconds;

Logger log_in(const char* url) {
  return braintrust::init_logger({.project = "p", .api_key = "k", .app_url = url, .api_url = url});
}

void log_rows(const Logger& logger, int count, const std::string& name) {
  for (int i = 0; i < count; ++i) {
    auto span = logger.start_span(name);
    span.log({.input = i});
  }
}

// Ends here; false when the child's status is not 0.
bool child_is_well(pid_t child) {
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int returns(const char* url) {
  const Logger logger = log_in(url);
  log_rows(logger, 10, "row");
  return 0;
}

int exits(const char* url) {
  const Logger logger = log_in(url);
  log_rows(logger, 10, "row");
  std::exit(0);
}

int attaches(const char* url) {
  const Logger logger =
      braintrust::init_logger({.project = "p", .api_key = "k", .app_url = url, .api_url = url, .exit_timeout = seconds(2)});
  for (int i = 0; i < 3; ++i) {
    auto span = logger.start_span("row");
    span.log({.input = braintrust::Attachment::bytes("bytes")});
  }
  return 0;
}

int gives_up(const char* url) {
  const Logger logger =
      braintrust::init_logger({.project = "p", .api_key = "k", .app_url = url, .exit_timeout = milliseconds(500)});
  log_rows(logger, 10, "row");
  std::exit(0);
}

// Nobody answers the oldest and the newest.
int exits_with_three_loggers(const char* url) {
  const auto make = [](const char* to) {
    return braintrust::init_logger(
        {.project = "p", .api_key = "k", .app_url = to, .flush_interval = std::chrono::hours(1), .exit_timeout = seconds(4)});
  };
  const Logger oldest = make("http://127.0.0.1:9"), heard = make(url), newest = make("http://127.0.0.1:9");
  log_rows(heard, 1, "row");
  heard.flush(seconds(60));  // from now on its thread waits for an hour
  log_rows(oldest, 3, "lost");
  log_rows(heard, 9, "row");
  log_rows(newest, 4, "lost");
  std::exit(0);
}

// Three that nobody answers.
int gives_up_three_loggers(const char* url) {
  for (int i = 0; i < 3; ++i) {
    log_rows(braintrust::init_logger({.project = "p", .api_key = "k", .app_url = url, .exit_timeout = seconds(3)}), 1, "row");
  }
  std::exit(0);
}

// The only thing it ever logs is still open.
int exits_in_a_span(const char* url) {
  const Logger logger = log_in(url);
  auto span = logger.start_span("open", {.input = "what it was doing"});
  std::exit(0);
}

int is_terminated(const char* url) {
  const Logger logger = log_in(url);
  auto span = logger.start_span("open", {.input = "what it was doing"});
  std::thread([] { throw std::runtime_error("nobody catches this"); }).join();
  return 0;
}

int ends_at_once(const char* url) {
  const Logger logger = log_in(url);
  log_rows(logger, 5, "flushed");
  logger.flush(seconds(60));
  log_rows(logger, 5, "lost");
  ::_exit(0);
}

// Spans that live longer than main.
int outlives_main(const char* url) {
  struct Keeper {
    std::optional<Span> span;
    ~Keeper() {
      if (span) span->log({.output = "at the very end"});
    }
  };
  static Keeper before_logger;
  const Logger logger = log_in(url);
  static Keeper after_logger;
  static thread_local Keeper of_thread;
  before_logger.span = logger.start_span("static, made first", {.set_current = false});
  after_logger.span = logger.start_span("static, made last", {.set_current = false});
  of_thread.span = logger.start_span("thread_local of main", {.set_current = false});
  std::thread([&logger] {
    static thread_local Keeper before;
    before.span.reset();
    before.span = logger.start_span("thread_local");
    // Made later, so destroyed earlier: what the library itself keeps for a thread.
    static thread_local Keeper after;
    after.span = start_span("thread_local, nested");
  }).join();
  return 0;
}

int forks(const char* url) {
  const Logger logger = log_in(url);
#if BRAINTRUST_ADDRESS_SANITIZED
  // A lock of its allocator that another thread holds stays locked in the child: the background thread begins before.
  log_rows(logger, 1, "first");
  logger.flush(seconds(60));
#endif
  auto request = logger.start_span("request", {.input = "of the parent"});
  log_rows(logger, 10, "parent");
  const pid_t child = ::fork();
  if (child == 0) {
    // The parent's span: a no-op here, but a parent for what follows.
    request.log({.output = "of the child"});
    log_rows(logger, 10, "child");
    auto judged = logger.start_span("refused in the child");
    judged.log({.scores = {{"out of range", 7}}});
    return 0;
  }
  log_rows(logger, 10, "parent");
  return child_is_well(child) ? 0 : 1;
}

// The parent has delivered rows before, and has a span open that the child leaves as it is.
int counts_after_fork(const char* url) {
  const Logger logger = log_in(url);
  auto request = logger.start_span("request");
  log_rows(logger, 10, "parent");
  logger.flush(seconds(60));
  const pid_t child = ::fork();
  if (child == 0) {
    log_rows(logger, 3, "child");
    const auto result = logger.flush(seconds(60));
    std::exit(result.sent == 3 && logger.stats().sent_rows == 3 ? 0 : 3);
  }
  return child_is_well(child) ? 0 : 1;
}

// Forks again and again while others log, and while everything is masked.
int forks_when_busy(const char* url) {
  braintrust::set_masking_function([](const nlohmann::json& value) { return value; });
  const Logger logger = log_in(url);
  std::atomic<bool> over = false;
  std::atomic<int> logged = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!over) {
        auto span = logger.start_span("parent");
        span.log({.metadata = {{"text", std::string(200, 'x')}}});
        ++logged;
        std::this_thread::yield();
        if (logged > 20'000) std::this_thread::sleep_for(milliseconds(1));
      }
    });
  }
  auto current = logger.start_span("outer");
  int bad = 0;
  constexpr int forks = 20;
  for (int i = 0; i < forks; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      { auto span = start_span("child"); }
      std::exit(logger.flush(seconds(60)).complete() ? 0 : 3);
    }
    if (!child_is_well(child)) ++bad;
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  current.end();
  const auto result = logger.shutdown(seconds(60));
  std::cout << "parent=" << logged << "\nbad=" << bad << "\npending=" << result.pending
            << "\ndropped=" << logger.stats().dropped.total() << "\n";
  return 0;
}

// Forks while another thread holds one of the library's locks for most of the time; the child needs the same.
int forks_when_locked(const char* url) {
  const Logger logger = log_in(url);
  braintrust::set_diagnostics_handler([](braintrust::Severity, const braintrust::Error&) {});
  const std::string elsewhere = logger.start_span("slug").export_slug();
  auto shared = logger.start_span("shared", {.set_current = false});
  const std::vector<std::function<void()>> uses = {
      [] { braintrust::set_masking_function([](const nlohmann::json& value) { return value; }); },
      [&] { logger.start_span("of a slug", {.parent = elsewhere}).end(); },
      [&] { logger.update_span(" ", {}); },  // is told
      [&] { logger.log({.input = braintrust::Attachment::bytes("bytes")}); },
      [&] {
        shared.log({.metadata = {{"k", 1}}});
      },
      [&] {
        std::vector<Span> spans;
        for (int i = 0; i < 200; ++i) spans.push_back(logger.start_span("many", {.set_current = false}));
      },
  };
  for (std::size_t i = 0; i < uses.size(); ++i) {
    std::atomic<bool> over = false;
    std::thread other([&] {
      while (!over) uses[i]();
    });
    for (int fork = 0; fork < 30; ++fork) {
      const pid_t child = ::fork();
      if (child == 0) {
        ::alarm(20);  // ends one that waits for a thread that is not there
        uses[i]();
        ::_exit(0);
      }
      if (!child_is_well(child)) {
        std::cout << "a child hangs: " << i << std::endl;
        ::_exit(1);
      }
    }
    over = true;
    other.join();
  }
  ::_exit(0);
}

// More than memory should hold, and nobody takes it.
int floods(const char* url) {
  const Logger logger =
      braintrust::init_logger({.project = "p", .api_key = "k", .app_url = url, .exit_timeout = milliseconds(100)});
  const std::string text(16 * 1024, 'x');
  constexpr std::uint64_t rows = 65'536;  // 1 GiB
  for (std::uint64_t i = 0; i < rows; ++i) {
    auto span = logger.start_span("row");
    span.log({.input = text});
  }
  const auto stats = logger.stats();
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) std::cout << "peak_kb=" << std::atoll(line.c_str() + 6) << "\n";
  }
  std::cout << "logged=" << rows << "\nqueued=" << stats.queued_rows << "\nqueued_bytes=" << stats.queued_bytes
            << "\nsent=" << stats.sent_rows << "\ndropped=" << stats.dropped.total() << "\nfull=" << stats.dropped.queue_full
            << "\n";
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::map<std::string, int (*)(const char*)> days = {
      {"returns", returns},
      {"exits", exits},
      {"attaches", attaches},
      {"gives_up", gives_up},
      {"exits_in_a_span", exits_in_a_span},
      {"is_terminated", is_terminated},
      {"ends_at_once", ends_at_once},
      {"outlives_main", outlives_main},
      {"forks", forks},
      {"counts_after_fork", counts_after_fork},
      {"exits_with_three_loggers", exits_with_three_loggers},
      {"gives_up_three_loggers", gives_up_three_loggers},
      {"forks_when_locked", forks_when_locked},
      {"forks_when_busy", forks_when_busy},
      {"floods", floods},
  };
  const auto day = count == 3 ? days.find(arguments[1]) : days.end();
  if (day == days.end()) {
    std::cerr << "bad_day: <what happens> <url>\n";
    return 2;
  }
  return day->second(arguments[2]);
}
