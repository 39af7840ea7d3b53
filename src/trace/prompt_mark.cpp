#include "trace/prompt_mark.h"

#include <braintrust/trace/context.h>

#include "trace/context_stack.h"

namespace braintrust::detail {

PromptMark::PromptMark(std::string provenance, const void* holder)
    : node_(new PromptNode(std::move(provenance))), holder_(holder) {
  prompts_are_marked.store(true, std::memory_order_relaxed);
  active_stack().push({.kind = ContextKind::prompt, .holder = holder, .prompt = node_});
}

PromptMark::~PromptMark() {
  node_->over.store(true, std::memory_order_relaxed);
  active_stack().pop(holder_);
  release(node_);
}

const std::string* current_prompt() noexcept {
  if (!prompts_are_marked.load(std::memory_order_relaxed)) return nullptr;
  const PromptNode* const node = active_stack().top_prompt();
  return node != nullptr && !node->provenance.empty() ? &node->provenance : nullptr;
}

PromptHandle PromptHandle::find() noexcept { return PromptHandle(retain(active_stack().top_prompt())); }

PromptHandle::PromptHandle(const PromptHandle& other) noexcept : node_(retain(other.node_)) {}

void PromptHandle::drop() noexcept { release(node_); }

}  // namespace braintrust::detail
