// Work on other threads: a span that is current here is not current there, unless it is taken along.

#include <braintrust/braintrust.h>

#include <future>
#include <iostream>
#include <vector>

#include "support/offline.h"

int rate(int document) {
  TRACED(document);
  return TRACED_OUTPUT(document * 10);
}

int main() {
  examples::Offline offline;
  auto logger = braintrust::init_logger({.project = "My Project (C++)"});

  // [threads]
  auto span = logger.start_span("rate_documents");
  std::vector<std::future<int>> ratings;
  for (const int document : {1, 2, 3}) {
    // `bind_context`: the function runs under the span that is current now, on whatever thread.
    ratings.push_back(std::async(std::launch::async, braintrust::bind_context([document] { return rate(document); })));
  }
  int sum = 0;
  for (auto& rating : ratings) sum += rating.get();
  span.log({.output = sum});
  // [threads end]

  std::cout << sum << '\n';
}
