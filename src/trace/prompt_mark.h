#pragma once

// `PromptMark`: while it lives, `llm` spans that start under it carry `metadata.prompt`: which prompt of Braintrust's they were
// asked with (INST 6.7). Set by `PromptScope` (api/prompt.h); the innermost counts. It stands on the context stack, and goes
// where the current span goes: with bound functions, coroutines and tasks.
//
// Threads: counts on the thread that made it, and where it was carried to; may end on another. Errors: none.

#include <atomic>
#include <string>
#include <utility>

namespace braintrust::detail {

// What all places share that a mark was carried to. Counted by hand, like a `Lineage`.
struct PromptNode {
  explicit PromptNode(std::string text) : provenance(std::move(text)) {}

  const std::string provenance;
  std::atomic<unsigned> references = 1;
  std::atomic<bool> over = false;
};
inline PromptNode* retain(PromptNode* node) noexcept {
  if (node != nullptr) node->references.fetch_add(1, std::memory_order_relaxed);
  return node;
}
inline void release(PromptNode* node) noexcept {
  if (node != nullptr && node->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete node;
}

class PromptMark {
 public:
  // `provenance` is a JSON object's text; blank: marks nothing, and hides outer marks. `holder` is the user's object, whose
  // place says whether a plain function or a coroutine made it.
  PromptMark(std::string provenance, const void* holder);
  ~PromptMark();
  PromptMark(const PromptMark&) = delete;
  PromptMark& operator=(const PromptMark&) = delete;

 private:
  PromptNode* const node_;
  const void* const holder_;
};

// What spans that start here are marked with, or null.
const std::string* current_prompt() noexcept;

}  // namespace braintrust::detail
