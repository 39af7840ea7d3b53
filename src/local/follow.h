#pragma once

// `Follower`: prints a line for each span that ends, as its row arrives.
//
//   12:03:04  Chat Completion  llm  1.24 s  312 tok  The capital of France is Paris.
//
// Those of experiments go to standard error: a program of evals may print what others read.
//
// Threads: has one of its own, which writes; `stop` ends it. Errors: a row that cannot be read is skipped.

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>

#include <braintrust/local/store.h>

#include "core/terminal.h"

namespace braintrust::local {

class Follower {
 public:
  // `store` must outlive it.
  explicit Follower(Store& store);
  ~Follower() { stop(); }
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // Prints what has arrived meanwhile, and ends.
  void stop();

 private:
  void run();
  void print_new();

  Store& store_;
  const detail::Style output_style_, error_style_;
  std::unordered_set<std::string> printed_;  // row ids
  std::mutex mutex_;
  std::condition_variable wakeup_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace braintrust::local
