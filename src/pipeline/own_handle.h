#pragma once

// Marks libcurl handles of our own requests while they are made, so that instrument/ leaves them alone: a proxy of Braintrust's
// is a model's host, too, and tracing what delivers traces would not end.
//
// Threads: the mark is the thread's. Errors: none.

namespace braintrust::pipeline {

inline constinit thread_local bool making_own_handle = false;

// What `make` returns, made under the mark.
template <class Make>
auto own_handle(Make&& make) {
  making_own_handle = true;
  auto* const handle = make();
  making_own_handle = false;
  return handle;
}

}  // namespace braintrust::pipeline
