#pragma once

// `send_and_wait`: one HTTP request, and its answer, on the thread that asked.
//
// For calls whose name says that they wait (login, datasets, prompts, model judges). Connections are kept between calls, for
// all threads together. Each call goes once; `with_retries` repeats those that may be repeated.
//
// Threads: any number at a time. In a forked child everything begins anew. Errors: as `HttpResponse` tells them.

#include <chrono>
#include <functional>

#include "pipeline/http.h"
#include "pipeline/retry.h"

namespace braintrust::pipeline {

HttpResponse send_and_wait(HttpRequest request);

struct Repetition {
  std::chrono::milliseconds first_wait{500};
  // While the server asks to come back later (429, or a `Retry-After`): so many tries at most, if that is more.
  unsigned tries_if_asked = 0;
  bool (*may_repeat)(int status) noexcept = may_retry;  // 0: there was no answer
};

// Calls `send` until the answer is none that a repetition may better, `tries` times at most, with growing pauses in between.
// `Retry-After` is waited for in full. For requests that do no harm when they arrive twice.
HttpResponse with_retries(unsigned tries, const std::function<HttpResponse()>& send, const Repetition& how = {});

}  // namespace braintrust::pipeline
