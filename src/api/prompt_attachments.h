#pragma once

// Attachments among the variables of a prompt: objects that say where the bytes are (PROTO 11, 16).
//
// Threads: any. Errors: those of `read_attachment`.

#include <nlohmann/json.hpp>

#include <braintrust/api/connection.h>
#include <braintrust/core/result.h>

namespace braintrust::detail {

bool is_attachment(const nlohmann::json& value);

// `value` with a data URL in place of each attachment that is kept somewhere, however deep. Waits.
Result<nlohmann::json> attachments_as_urls(const nlohmann::json& value, const ConnectionOptions& connection);

}  // namespace braintrust::detail
