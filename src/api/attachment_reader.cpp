#include <fmt/format.h>

#include <braintrust/api/dataset.h>

#include "api/client.h"
#include "core/json_member.h"
#include "pipeline/blocking_http.h"

namespace braintrust {

Result<std::string> read_attachment(const nlohmann::json& reference, const ConnectionOptions& connection) {
  using detail::member, detail::text_at;
  const std::string type = text_at(reference, "type"), key = text_at(reference, "key"), url = text_at(reference, "url");
  const bool ours = type == "braintrust_attachment" && !key.empty();
  const bool external = type == "external_attachment" && !url.empty();
  if (!ours && !external) {
    return Error{ErrorCode::invalid_argument,
                 "read_attachment: pass the object that stands in the row, with its `type` and its `key` or `url`"};
  }
  const auto client = detail::client_for(connection);
  const auto access = client->access();
  if (!access) return access.error();
  const auto found = client->call({.path = "attachment",
                                   .query = {{"key", ours ? key : ""},
                                             {"url", external ? url : ""},
                                             {"filename", text_at(reference, "filename")},
                                             {"content_type", text_at(reference, "content_type")},
                                             {"org_id", (*access)->login.org_id}}});
  if (!found) return found.error();
  const nlohmann::json& status = member(*found, "status");
  if (const std::string word = text_at(status, "upload_status"); word != "done" && ours) {
    const std::string why = text_at(status, "error_message");
    return Error{ErrorCode::not_found, fmt::format("the attachment \"{}\" was not uploaded: its status is \"{}\"{}{}",
                                                   text_at(reference, "filename"), word, why.empty() ? "" : ", ", why)};
  }
  // A signed address carries its right in itself: no key goes there.
  const pipeline::HttpRequest request{
      .url = text_at(*found, "downloadUrl"), .timeout = (*access)->settings.request_timeout, .most_body = 256u << 20};
  auto content = pipeline::with_retries(3, [&] { return pipeline::send_and_wait(request); });
  if (!content.ok()) {
    const ErrorCode code = content.status == 0 ? ErrorCode::transport : ErrorCode::http_status;
    return Error{code, fmt::format("the attachment could not be read: {}", pipeline::reason_of(content))};
  }
  return std::move(content.body);
}

}  // namespace braintrust
