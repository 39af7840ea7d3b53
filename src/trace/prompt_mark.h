#pragma once

// `PromptMark`: while it lives, `llm` spans that start on this thread carry `metadata.prompt`: which prompt of Braintrust's
// they were asked with (INST 6.7). Set by `PromptScope` (api/prompt.h); the innermost counts.
//
// Threads: counts on the thread that made it; may end on another. Errors: none.

#include <string>

namespace braintrust::detail {

struct PromptNode;

class PromptMark {
 public:
  explicit PromptMark(std::string provenance);  // a JSON object's text; blank: marks nothing, and hides outer marks
  ~PromptMark();
  PromptMark(const PromptMark&) = delete;
  PromptMark& operator=(const PromptMark&) = delete;

 private:
  PromptNode* node_;
};

// What spans that start here are marked with, or null.
const std::string* current_prompt() noexcept;

}  // namespace braintrust::detail
