#pragma once

// multipart/form-data (RFC 7578) as JSON, so that a dialect reads a form as it reads a body.
//
// A field becomes a string; a file becomes {"filename":…,"file_data":"data:<type>;base64,…"}. Fields of one name stay apart:
// `each_member` shows all of them.
//
// Threads: pure. Errors: a part that is cut off is left out.

#include <string>
#include <string_view>

namespace braintrust::llm {

// Blank when this is no multipart type.
std::string_view multipart_boundary(std::string_view content_type);
std::string multipart_as_json(std::string_view body, std::string_view boundary);

}  // namespace braintrust::llm
