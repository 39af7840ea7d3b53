#include "instrument/curl_transfer.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <utility>

#include <braintrust/trace/fields.h>

#include "core/environment.h"
#include "instrument/curl_handles.h"
#include "instrument/curl_hooks.h"
#include "instrument/curl_options.h"
#include "instrument/endpoint_call.h"
#include "instrument/exchange_capture.h"
#include "instrument/known_endpoints.h"
#include "llm/url.h"

namespace braintrust::instrument {
namespace {

constexpr std::size_t most_of_request = std::size_t{32} << 20;

// The address libcurl will go to, with a scheme.
std::string address_of(const CurlFunctions& curl, const CurlSettings& settings) {
  std::string address;
  if (settings.url_object != nullptr) {
    if (curl.url_get == nullptr || curl.free == nullptr) return {};
    char* text = nullptr;
    if (curl.url_get(settings.url_object, curl::url_part_url, &text, 0) == 0 && text != nullptr) address = text;
    if (text != nullptr) curl.free(text);
  } else {
    address = settings.url;
  }
  if (!address.empty() && address.find("://") == std::string::npos) {
    address.insert(0, (settings.default_protocol.empty() ? "http" : settings.default_protocol) + "://");
  }
  return address;
}

// libcurl's own, where the program set no callback.
std::size_t write_by_default(char* data, std::size_t size, std::size_t count, void* target) {
  return std::fwrite(data, size, count, static_cast<std::FILE*>(target));
}

std::string_view value_of(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || !llm::same_ignoring_case(line.substr(0, name.size()), name)) return {};
  return detail::trimmed(line.substr(name.size()));
}

void print_debug(std::FILE* stream, int kind, const char* data, std::size_t size) {
  constexpr const char* marks[] = {"* ", "< ", "> "};
  if (kind > curl::header_out) return;
  std::fwrite(marks[kind], 2, 1, stream);
  std::fwrite(data, size, 1, stream);
}

template <class Function>
void set_function(const CurlFunctions& curl, void* easy, int option, Function function) noexcept {
  curl.easy_setopt(easy, option, function);
}

}  // namespace

CurlTransfer::CurlTransfer(llm::Call call, llm::Endpoint endpoint, std::string path, Kind kind)
    : call_(std::move(call)), endpoint_(std::move(endpoint)), path_(std::move(path)), kind_(kind) {}

// ------------------------------------------------------------------------------------------------------- begin and end

void CurlTransfer::begin(const CurlFunctions& curl, void* easy, CurlHandle& handle, Kind kind) noexcept {
  const CurlSettings& settings = handle.settings;
  if (handle.ours || handle.transfer != nullptr || settings.connect_only || !settings.sends_post()) return;
  try {
    const std::string address = address_of(curl, settings);
    std::optional<llm::Url> url = llm::Url::parse(address);
    if (!url) return;
    if (settings.port > 0) url->port = static_cast<std::uint16_t>(settings.port);
    auto endpoint = llm::find_endpoint(*url, known_endpoints());
    if (!endpoint) return;
    before_model_call();
    if (!detail::tracing()) return;

    const std::string_view type = settings.header_value("Content-Type");
    auto call = llm::start_call(
        *endpoint,
        {.path = url->path, .request = settings.body_text(), .content_type = type.empty() ? "application/json" : type}, Site{});
    if (!call) return;
    std::unique_ptr<CurlTransfer> transfer(
        new CurlTransfer(std::move(call), std::move(*endpoint), std::string(url->path), kind));
    transfer->request_type_ = type.empty() ? "application/json" : type;
    transfer->watches_read_ = settings.reads_body();
    transfer->watches_debug_ = settings.sends_form();
    // libcurl rewinds a FILE* by itself, unless it sees a read callback.
    transfer->owns_seek_ = transfer->watches_read_ && (settings.seek != nullptr || settings.read == nullptr);
    transfer->header_in_body_ = settings.header_in_body;
    handle.transfer = std::move(transfer);
    handle.transfer->install(curl, easy, handle);
  } catch (const std::exception&) {  // out of memory: not traced
  }
}

bool CurlTransfer::holds(int option) const noexcept {
  switch (option) {
    case curl::WRITEFUNCTION:
    case curl::WRITEDATA:
    case curl::HEADERFUNCTION:
    case curl::HEADERDATA:
      return true;
    case curl::READFUNCTION:
    case curl::READDATA:
      return watches_read_;
    case curl::SEEKFUNCTION:
    case curl::SEEKDATA:
      return owns_seek_;
    case curl::DEBUGFUNCTION:
    case curl::DEBUGDATA:
    case curl::VERBOSE:
      return watches_debug_;
    default:
      return false;
  }
}

void CurlTransfer::install(const CurlFunctions& curl, void* easy, CurlHandle& handle) const noexcept {
  handle.in_our_hands = true;
  void* const self = &handle;
  set_function(curl, easy, curl::WRITEFUNCTION, &on_body);
  curl.easy_setopt(easy, curl::WRITEDATA, self);
  set_function(curl, easy, curl::HEADERFUNCTION, &on_header);
  curl.easy_setopt(easy, curl::HEADERDATA, self);
  if (watches_read_) {
    set_function(curl, easy, curl::READFUNCTION, &on_read);
    curl.easy_setopt(easy, curl::READDATA, self);
  }
  if (owns_seek_) {
    set_function(curl, easy, curl::SEEKFUNCTION, &on_seek);
    curl.easy_setopt(easy, curl::SEEKDATA, self);
  }
  if (watches_debug_) {
    set_function(curl, easy, curl::DEBUGFUNCTION, &on_debug);
    curl.easy_setopt(easy, curl::DEBUGDATA, self);
    curl.easy_setopt(easy, curl::VERBOSE, 1L);
  }
  handle.in_our_hands = false;
}

void CurlTransfer::restore(const CurlFunctions& curl, void* easy, const CurlHandle& handle) const noexcept {
  const CurlSettings& settings = handle.settings;
  // A null function means libcurl's own.
  set_function(curl, easy, curl::WRITEFUNCTION, settings.write);
  curl.easy_setopt(easy, curl::WRITEDATA, settings.write_target);
  set_function(curl, easy, curl::HEADERFUNCTION, settings.header);
  curl.easy_setopt(easy, curl::HEADERDATA, settings.header_target);
  if (watches_read_) {
    set_function(curl, easy, curl::READFUNCTION, settings.read);
    curl.easy_setopt(easy, curl::READDATA, settings.read_target);
  }
  if (owns_seek_) {
    set_function(curl, easy, curl::SEEKFUNCTION, settings.seek);
    curl.easy_setopt(easy, curl::SEEKDATA, settings.seek_target);
  }
  if (watches_debug_) {
    set_function(curl, easy, curl::DEBUGFUNCTION, settings.debug);
    curl.easy_setopt(easy, curl::DEBUGDATA, settings.debug_target);
    curl.easy_setopt(easy, curl::VERBOSE, settings.verbose ? 1L : 0L);
  }
}

void CurlTransfer::give_back(const CurlFunctions& curl, void* copy, const CurlHandle& handle) noexcept {
  handle.transfer->restore(curl, copy, handle);
}

void CurlTransfer::finish(const CurlFunctions& curl, void* easy, CurlHandle& handle, int status, const std::string& error,
                          std::chrono::nanoseconds took) noexcept {
  handle.in_our_hands = true;
  handle.transfer->restore(curl, easy, handle);
  handle.in_our_hands = false;
  const std::unique_ptr<CurlTransfer> transfer = std::move(handle.transfer);
  transfer->flush_held();
  transfer->log_late_request();
  transfer->call_.end({.status = status,
                       .content_type = transfer->response_type_,
                       .content_encoding = transfer->response_encoding_,
                       .error = error,
                       .took = took});
}

namespace {

int status_of(const CurlFunctions& curl, void* easy) {
  long status = 0;
  curl.easy_getinfo(easy, curl::info_response_code, &status);
  return static_cast<int>(status);
}

// "curl: (28) Operation timed out after 200 milliseconds", as the program curl says it.
std::string error_text(const CurlFunctions& curl, int result, const char* buffer) {
  std::string text = "curl: (" + std::to_string(result) + ") ";
  const std::size_t size = buffer != nullptr ? ::strnlen(buffer, curl::error_buffer_size) : 0;
  if (size > 0) {
    text.append(buffer, size);
  } else if (const char* const words = curl.easy_strerror(result)) {
    text += words;
  }
  return text;
}

}  // namespace

void CurlTransfer::end(const CurlFunctions& curl, void* easy, CurlHandle& handle, int result) noexcept {
  const int status = status_of(curl, easy);
  // A program that wants no more has its reasons; that is no error (INST 9.4).
  const bool stopped = handle.transfer->stopped_by_program_ || result == curl::result_aborted_by_callback;
  std::string error;
  if (result != 0 && !stopped) {
    try {
      error = error_text(curl, result, handle.settings.error_buffer);
    } catch (const std::exception&) {  // out of memory
    }
  }
  finish(curl, easy, handle, status, error);
}

void CurlTransfer::end_unknown(const CurlFunctions& curl, void* easy, CurlHandle& handle) noexcept {
  // Nobody asked libcurl for its message, so the transfer may have been over for long. Of one that got no answer, libcurl may
  // still tell the time of the one before.
  std::int64_t microseconds = 0;
  if (handle.transfer->answered_) curl.easy_getinfo(easy, curl::info_total_time, &microseconds);
  finish(curl, easy, handle, status_of(curl, easy), {}, std::chrono::microseconds(microseconds));
}

void CurlTransfer::end_with_exception(const CurlFunctions& curl, void* easy, CurlHandle& handle) noexcept {
  std::string error;
  try {
    error = "an exception left curl_easy_perform";
  } catch (const std::exception&) {  // out of memory
  }
  finish(curl, easy, handle, status_of(curl, easy), error);
}

// ----------------------------------------------------------------------------------------------------------- what passes

void CurlTransfer::capture_body(std::string_view bytes) noexcept {
  if (!header_in_body_) return call_.on_chunk(bytes);
  // With CURLOPT_HEADER each line of the head comes here first and to the header callback next: what comes is held until it
  // is clear which it is.
  flush_held();
  try {
    held_ = bytes;
  } catch (const std::exception&) {  // out of memory
  }
}

void CurlTransfer::flush_held() noexcept {
  call_.on_chunk(held_);
  held_.clear();
}

void CurlTransfer::capture_header(std::string_view line) noexcept {
  if (header_in_body_) {
    if (held_ == line) {
      held_.clear();
    } else {
      flush_held();
    }
  }
  try {
    if (line.starts_with("HTTP/")) {
      // A new head: that of a redirect, of "100 Continue" or of a proxy is over.
      response_type_.clear();
      response_encoding_.clear();
      answered_ = false;
    } else if (const auto type = value_of(line, "content-type:"); !type.empty()) {
      response_type_ = type;
    } else if (const auto encoding = value_of(line, "content-encoding:"); !encoding.empty()) {
      response_encoding_ = encoding;
    } else if (detail::trimmed(line).empty()) {
      answered_ = true;
    }
  } catch (const std::exception&) {  // out of memory
  }
}

void CurlTransfer::capture_request(std::string_view bytes) noexcept {
  if (request_.size() + bytes.size() > most_of_request) request_is_cut_ = true;
  if (request_is_cut_) return;
  try {
    request_.append(bytes);
  } catch (const std::exception&) {  // out of memory
    request_is_cut_ = true;
  }
}

void CurlTransfer::capture_request_head(std::string_view head) noexcept {
  // Of a form only the head that libcurl sends tells the boundary. Each hop of a redirect sends the body anew.
  request_.clear();
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find('\n'));
    head.remove_prefix(std::min(line.size() + 1, head.size()));
    try {
      if (const auto type = value_of(line, "content-type:"); !type.empty()) request_type_ = type;
    } catch (const std::exception&) {  // out of memory
    }
  }
}

void CurlTransfer::log_late_request() noexcept {
  if (!watches_read_ && !watches_debug_) return;
  if (request_.empty() || request_is_cut_) return;
  log_request(call_.span().ref(), endpoint_, {.path = path_, .content_type = request_type_, .body = request_});
}

// ------------------------------------------------------------------------------------------------------------- callbacks

std::size_t CurlTransfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  CurlHandle& handle = *static_cast<CurlHandle*>(self);
  const std::size_t bytes = size * count;
  if (CurlTransfer* const transfer = handle.transfer.get()) {
    // Before the program's callback, which may change them; what it was shown before it paused is known already.
    const std::size_t known = std::min(transfer->again_, bytes);
    transfer->capture_body({data + known, bytes - known});
    transfer->again_ -= known;
  }
  const CurlSettings& settings = handle.settings;
  const std::size_t taken =
      (settings.write != nullptr ? settings.write : write_by_default)(data, size, count, settings.write_target);
  if (CurlTransfer* const transfer = handle.transfer.get()) {
    if (taken == curl::pause_writing) {
      transfer->again_ += bytes;
    } else if (taken != bytes) {
      transfer->stopped_by_program_ = true;
    }
  }
  return taken;
}

std::size_t CurlTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  CurlHandle& handle = *static_cast<CurlHandle*>(self);
  const std::size_t bytes = size * count;
  if (CurlTransfer* const transfer = handle.transfer.get()) transfer->capture_header({data, bytes});
  const CurlSettings& settings = handle.settings;
  std::size_t taken = bytes;
  if (settings.header != nullptr) {
    taken = settings.header(data, size, count, settings.header_target);
  } else if (settings.header_target != nullptr) {
    // libcurl's rule: a target without a function of its own is handed to the body's.
    taken = (settings.write != nullptr ? settings.write : write_by_default)(data, size, count, settings.header_target);
  }
  if (taken != bytes && taken != curl::pause_writing && handle.transfer != nullptr) handle.transfer->stopped_by_program_ = true;
  return taken;
}

std::size_t CurlTransfer::on_read(char* data, std::size_t size, std::size_t count, void* self) {
  CurlHandle& handle = *static_cast<CurlHandle*>(self);
  const CurlSettings& settings = handle.settings;
  const std::size_t read = settings.read != nullptr
                               ? settings.read(data, size, count, settings.read_target)
                               : std::fread(data, size, count, static_cast<std::FILE*>(settings.read_target));
  CurlTransfer* const transfer = handle.transfer.get();
  if (transfer == nullptr) return read;
  if (read == curl::abort_reading) {
    transfer->stopped_by_program_ = true;
  } else if (read != curl::pause_reading && read <= size * count) {
    if (settings.has_ioctl && transfer->answered_) {
      // Rewound by the old way, which is not watched: the body begins anew behind an answer.
      transfer->request_.clear();
      transfer->answered_ = false;
    }
    transfer->capture_request({data, read});
  }
  return read;
}

int CurlTransfer::on_seek(void* self, std::int64_t offset, int origin) {
  CurlHandle& handle = *static_cast<CurlHandle*>(self);
  const CurlSettings& settings = handle.settings;
  int result = curl::seek_failed;
  if (settings.seek != nullptr) {
    result = settings.seek(settings.seek_target, offset, origin);
  } else if (settings.read == nullptr && settings.read_target != nullptr) {
    result = std::fseek(static_cast<std::FILE*>(settings.read_target), static_cast<long>(offset), origin) == 0
                 ? 0
                 : curl::seek_failed;
  }
  if (result == 0 && origin == SEEK_SET && handle.transfer != nullptr) {
    std::string& request = handle.transfer->request_;
    request.resize(std::min(request.size(), static_cast<std::size_t>(std::max<std::int64_t>(offset, 0))));
  }
  return result;
}

int CurlTransfer::on_debug(void* easy, int kind, char* data, std::size_t size, void* self) {
  CurlHandle& handle = *static_cast<CurlHandle*>(self);
  if (CurlTransfer* const transfer = handle.transfer.get()) {
    if (kind == curl::header_out) transfer->capture_request_head({data, size});
    if (kind == curl::data_out) transfer->capture_request({data, size});
  }
  const CurlSettings& settings = handle.settings;
  if (!settings.verbose) return 0;
  if (settings.debug != nullptr) return settings.debug(easy, kind, data, size, settings.debug_target);
  print_debug(settings.error_stream, kind, data, size);
  return 0;
}

}  // namespace braintrust::instrument
