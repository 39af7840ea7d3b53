#include "instrument/curl_settings.h"

#include <cstring>

#include "core/environment.h"
#include "instrument/curl_options.h"
#include "llm/url.h"

namespace braintrust::instrument {
namespace {

void assign(std::string& to, const void* text) {
  if (text != nullptr) {
    to = static_cast<const char*>(text);
  } else {
    to.clear();
  }
}

template <class Function>
Function as(void (*value)()) {
  return reinterpret_cast<Function>(value);
}

}  // namespace

bool CurlSettings::knows(int option) noexcept {
  switch (option) {
    case curl::PORT:
    case curl::VERBOSE:
    case curl::HEADER:
    case curl::NOBODY:
    case curl::UPLOAD:
    case curl::POST:
    case curl::PUT:
    case curl::POSTFIELDSIZE:
    case curl::HTTPGET:
    case curl::CONNECT_ONLY:
    case curl::WRITEDATA:
    case curl::URL:
    case curl::READDATA:
    case curl::ERRORBUFFER:
    case curl::POSTFIELDS:
    case curl::HTTPHEADER:
    case curl::HTTPPOST:
    case curl::HEADERDATA:
    case curl::CUSTOMREQUEST:
    case curl::STDERR:
    case curl::DEBUGDATA:
    case curl::COPYPOSTFIELDS:
    case curl::SEEKDATA:
    case curl::DEFAULT_PROTOCOL:
    case curl::MIMEPOST:
    case curl::CURLU:
    case curl::WRITEFUNCTION:
    case curl::READFUNCTION:
    case curl::HEADERFUNCTION:
    case curl::DEBUGFUNCTION:
    case curl::IOCTLFUNCTION:
    case curl::SEEKFUNCTION:
    case curl::POSTFIELDSIZE_LARGE:
      return true;
    default:
      return false;
  }
}

void CurlSettings::set_number(int option, std::int64_t value) {
  switch (option) {
    case curl::PORT:
      port = static_cast<long>(value);
      break;
    case curl::VERBOSE:
      verbose = value != 0;
      break;
    case curl::HEADER:
      header_in_body = value != 0;
      break;
    case curl::CONNECT_ONLY:
      connect_only = value != 0;
      break;
    case curl::HTTPGET:
      if (value != 0) method = Method::get;
      break;
    case curl::NOBODY:
      if (value != 0) {
        method = Method::head;
      } else if (method == Method::head) {
        method = Method::get;
      }
      break;
    case curl::POST:
      method = value != 0 ? Method::post : Method::get;
      break;
    case curl::UPLOAD:
    case curl::PUT:
      method = value != 0 ? Method::put : Method::get;
      break;
    case curl::POSTFIELDSIZE:
    case curl::POSTFIELDSIZE_LARGE:
      // A copy that would be too short is thrown away by libcurl, too.
      if (body_is_copied && body_size < value) {
        body = nullptr;
        body_is_copied = false;
      }
      body_size = value;
      break;
    default:
      break;
  }
}

void CurlSettings::set_pointer(int option, void* value) {
  switch (option) {
    case curl::URL:
      assign(url, value);
      break;
    case curl::CURLU:
      url_object = value;
      break;
    case curl::DEFAULT_PROTOCOL:
      assign(default_protocol, value);
      break;
    case curl::CUSTOMREQUEST:
      assign(custom_method, value);
      break;
    case curl::POSTFIELDS:
      body = static_cast<const char*>(value);
      body_is_copied = false;
      method = Method::post;
      break;
    case curl::COPYPOSTFIELDS:
      // libcurl copies here, and so must we: the caller's memory may be gone when the request is sent.
      if (value == nullptr) {
        copied_body.clear();
      } else if (body_size >= 0) {
        copied_body.assign(static_cast<const char*>(value), static_cast<std::size_t>(body_size));
      } else {
        copied_body = static_cast<const char*>(value);
      }
      body_is_copied = value != nullptr;
      body = nullptr;
      method = Method::post;
      break;
    case curl::HTTPPOST:
      method = Method::post_form;
      break;
    case curl::MIMEPOST:
      method = Method::post_mime;
      break;
    case curl::HTTPHEADER:
      headers = value;
      break;
    case curl::ERRORBUFFER:
      error_buffer = static_cast<const char*>(value);
      break;
    case curl::WRITEDATA:
      write_target = value;
      break;
    case curl::READDATA:
      read_target = value;
      break;
    case curl::HEADERDATA:
      header_target = value;
      break;
    case curl::SEEKDATA:
      seek_target = value;
      break;
    case curl::DEBUGDATA:
      debug_target = value;
      break;
    case curl::STDERR:
      error_stream = value != nullptr ? static_cast<std::FILE*>(value) : stderr;
      break;
    default:
      break;
  }
}

void CurlSettings::set_function(int option, void (*value)()) {
  switch (option) {
    case curl::WRITEFUNCTION:
      write = as<Transfer>(value);
      break;
    case curl::READFUNCTION:
      read = as<Transfer>(value);
      break;
    case curl::HEADERFUNCTION:
      header = as<Transfer>(value);
      break;
    case curl::SEEKFUNCTION:
      seek = as<Seek>(value);
      break;
    case curl::DEBUGFUNCTION:
      debug = as<Debug>(value);
      break;
    case curl::IOCTLFUNCTION:
      has_ioctl = value != nullptr;
      break;
    default:
      break;
  }
}

bool CurlSettings::sends_post() const noexcept {
  if (method == Method::head) return false;
  if (!custom_method.empty()) return custom_method == "POST";
  return method == Method::post || sends_form();
}

bool CurlSettings::reads_body() const noexcept {
  return method == Method::put || (method == Method::post && body == nullptr && !body_is_copied);
}

std::string_view CurlSettings::body_text() const noexcept {
  if (method != Method::post) return {};
  if (body_is_copied) return copied_body;
  if (body == nullptr) return {};
  return {body, body_size >= 0 ? static_cast<std::size_t>(body_size) : std::strlen(body)};
}

std::string_view CurlSettings::header_value(std::string_view name) const noexcept {
  for (const auto* entry = static_cast<const curl::StringList*>(headers); entry != nullptr; entry = entry->next) {
    if (entry->data == nullptr) continue;
    const std::string_view line = entry->data;
    if (line.size() > name.size() && line[name.size()] == ':' && llm::same_ignoring_case(line.substr(0, name.size()), name)) {
      return detail::trimmed(line.substr(name.size() + 1));
    }
  }
  return {};
}

}  // namespace braintrust::instrument
