// What is known of libcurl's handles, while the process forks.

#include "instrument/curl_handles.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace braintrust::instrument {
namespace {

std::atomic<bool> forking = false;
std::atomic<bool> found = false;
std::atomic<bool> found_while_forking = false;

// Runs after every preparation that was registered later: all locks are held by then.
void prepare() {
  forking = true;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  while (!found && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  found_while_forking = found.load();
}

// A thread that holds a lock at that moment does not exist in the child, and would never let go of it there.
TEST(CurlHandles, AreInNobodysHandsWhileTheProcessForks) {
  ASSERT_EQ(pthread_atfork(prepare, nullptr, nullptr), 0);
  int object = 0;
  ASSERT_NE(remember_handle(&object), nullptr);
  std::thread other([&] {
    while (!forking) std::this_thread::yield();
    found = find_handle(&object) != nullptr;
  });
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);  // rather than hang
    _exit(find_handle(&object) != nullptr ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  other.join();
  EXPECT_TRUE(found) << "and afterwards all is as before";
  EXPECT_FALSE(found_while_forking);
}

}  // namespace
}  // namespace braintrust::instrument
