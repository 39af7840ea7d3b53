#pragma once

// Applies the masking function to one field's text. Background thread. Source: PROTO 10.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <braintrust/trace/masking.h>

namespace braintrust::detail {

// The function that is set now, or null.
std::shared_ptr<const MaskingFunction> masking_function();

struct Masked {
  std::string text = {};  // JSON; of the failure, when there was one, a JSON string
  bool failed = false;
};
// Around fork: no thread may be taking the function while the process is copied.
void masking_before_fork() noexcept;
void masking_after_fork() noexcept;

// `json` must be valid.
Masked mask(const MaskingFunction& function, std::string_view field, std::string_view json);

}  // namespace braintrust::detail
