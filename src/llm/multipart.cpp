#include "llm/multipart.h"

#include "core/base64.h"
#include "core/environment.h"
#include "core/media_type.h"
#include "llm/json_text.h"
#include "llm/media.h"
#include "llm/url.h"

namespace braintrust::llm {
namespace {

// The value of `name="value"` or `name=value` in a header.
std::string_view parameter(std::string_view header, std::string_view name) {
  for (std::size_t at = header.find(';'); at != std::string_view::npos; at = header.find(';', at + 1)) {
    const std::string_view rest = detail::trimmed(header.substr(at + 1));
    if (!same_ignoring_case(rest.substr(0, name.size()), name) || rest.substr(name.size(), 1) != "=") continue;
    const std::string_view value = rest.substr(name.size() + 1);
    if (value.starts_with('"')) return value.substr(1, value.find('"', 1) - 1);
    return value.substr(0, value.find_first_of("; "));
  }
  return {};
}

struct Part {
  std::string_view disposition, type, content;
};

Part read_part(std::string_view text) {
  Part part;
  const std::size_t head_end = text.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return part;
  part.content = text.substr(head_end + 4);
  for (std::string_view head = text.substr(0, head_end); !head.empty();) {
    const std::size_t line_end = head.find("\r\n");
    const std::string_view line = head.substr(0, line_end);
    head = line_end == std::string_view::npos ? std::string_view() : head.substr(line_end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view value = detail::trimmed(line.substr(colon + 1));
    if (same_ignoring_case(line.substr(0, colon), "content-disposition")) part.disposition = value;
    if (same_ignoring_case(line.substr(0, colon), "content-type")) part.type = value;
  }
  return part;
}

std::string value_of(const Part& part) {
  const std::string_view filename = parameter(part.disposition, "filename");
  if (filename.empty()) return json_string(part.content);
  std::string_view type =
      part.type.empty() || part.type == "application/octet-stream" ? detail::type_of_bytes(part.content) : part.type;
  if (type.empty()) type = "application/octet-stream";
  const std::string url = "data:" + std::string(type) + ";base64," + base64::encode(part.content);
  return ObjectText().add_string("filename", filename).add_string("file_data", url).text();
}

}  // namespace

std::string_view multipart_boundary(std::string_view content_type) {
  return same_ignoring_case(content_type.substr(0, 10), "multipart/") ? parameter(content_type, "boundary")
                                                                      : std::string_view();
}

std::string multipart_as_json(std::string_view body, std::string_view boundary) {
  const std::string delimiter = "--" + std::string(boundary);
  ObjectText form;
  std::size_t at = body.find(delimiter);
  while (at != std::string_view::npos) {
    const std::size_t begin = at + delimiter.size();
    at = body.find("\r\n" + delimiter, begin);
    if (at == std::string_view::npos) break;
    if (body.substr(begin, 2) == "\r\n") {
      const Part part = read_part(body.substr(begin + 2, at - begin - 2));
      const std::string name = json_string(parameter(part.disposition, "name"));
      if (name.size() > 2) form.add(std::string_view(name).substr(1, name.size() - 2), std::string_view(value_of(part)));
    }
    at += 2;
  }
  return form.text();
}

}  // namespace braintrust::llm
