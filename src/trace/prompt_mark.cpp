#include "trace/prompt_mark.h"

#include <atomic>
#include <utility>

namespace braintrust::detail {

// On the list of the thread that made the mark, where it stays until that thread finds it over: its end may come elsewhere.
struct PromptNode {
  const std::string provenance;
  PromptNode* const outer;
  std::atomic<int> references = 2;  // the list's and the mark's
  std::atomic<bool> over = false;
};

namespace {

// A plain pointer, so that spans in destructors of thread-local objects still find it.
constinit thread_local PromptNode* innermost = nullptr;

void release(PromptNode* node) noexcept {
  if (node->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete node;
}

PromptNode* innermost_alive() noexcept {
  while (innermost != nullptr && innermost->over.load(std::memory_order_relaxed)) {
    release(std::exchange(innermost, innermost->outer));
  }
  return innermost;
}

}  // namespace

PromptMark::PromptMark(std::string provenance)
    : node_(new PromptNode{.provenance = std::move(provenance), .outer = innermost_alive()}) {
  innermost = node_;
}

PromptMark::~PromptMark() {
  node_->over.store(true, std::memory_order_relaxed);
  innermost_alive();
  release(node_);
}

const std::string* current_prompt() noexcept {
  const PromptNode* node = innermost_alive();
  return node != nullptr && !node->provenance.empty() ? &node->provenance : nullptr;
}

}  // namespace braintrust::detail
