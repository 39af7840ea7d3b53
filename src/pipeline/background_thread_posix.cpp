#include <pthread.h>
#include <signal.h>

#include "pipeline/background_thread.h"

namespace braintrust::pipeline {

std::thread start_background_thread(const char* name, std::function<void()> body) {
  // The new thread inherits the mask: the host's handlers never run on it.
  sigset_t all;
  sigset_t former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  try {
    std::thread thread(std::move(body));
    pthread_sigmask(SIG_SETMASK, &former, nullptr);
#if defined(__linux__)
    pthread_setname_np(thread.native_handle(), name);
#else
    static_cast<void>(name);
#endif
    return thread;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &former, nullptr);
    throw;
  }
}

void on_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) { pthread_atfork(before, in_parent, in_child); }

long process_id() noexcept { return ::getpid(); }

}  // namespace braintrust::pipeline
