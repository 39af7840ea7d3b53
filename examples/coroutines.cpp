// Coroutines: a span stays with its coroutine, whatever thread it resumes on.

#include <braintrust/braintrust.h>
#include <braintrust/trace/asio.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <chrono>
#include <string>

#include "support/offline.h"

using asio::awaitable;

awaitable<void> wait(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

// [coroutines]
awaitable<std::string> search(std::string question) {
  auto span = braintrust::start_span("search", {.input = question});
  co_await wait(std::chrono::milliseconds(10));  // resumes on any thread of the pool
  span.log({.output = "three hits"});
  co_return "three hits";
}

awaitable<void> handle(std::string question) {
  auto span = braintrust::start_span("handle", {.input = question});
  const std::string hits = co_await search(question);  // its span is a child of "handle"
  co_await wait(std::chrono::milliseconds(10));
  auto rank = braintrust::start_span("rank", {.input = hits});  // and so is this one
}

void serve(asio::thread_pool& pool) {
  for (const char* question : {"What is a span?", "What is a trace?"}) {
    // Around the outermost coroutine; those it awaits need nothing.
    co_spawn(pool, braintrust::with_context(handle(question)), asio::detached);
  }
}
// [coroutines end]

int main() {
  examples::Offline offline;
  auto logger = braintrust::init_logger({.project = "My Project (C++)"});

  asio::thread_pool pool(2);
  serve(pool);
  pool.join();
}
