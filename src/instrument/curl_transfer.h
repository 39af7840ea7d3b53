#pragma once

// `CurlTransfer`: one model call that goes through a libcurl handle, from curl_easy_perform or curl_multi_add_handle to its
// end.
//
// While it lives, the handle's callbacks are ours: each copies what passes and calls the program's own with what that expects.
// At its end the program's callbacks are put back. What the program sets meanwhile is kept and not handed to libcurl.
//
// Threads: as the handle. Errors: exceptions of the program's callbacks pass through; nothing of ours throws. Units: bytes.
// Source: INST 8, 9; libcurl's documentation of each callback.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <braintrust/instrument/call.h>

#include "instrument/curl_functions.h"
#include "llm/endpoint.h"

namespace braintrust::instrument {

struct CurlHandle;

class CurlTransfer {
 public:
  enum class Kind { easy, multi };

  // Begins a call if the handle's settings are those of one; else the handle stays as it is. `easy` must be known.
  static void begin(const CurlFunctions& curl, void* easy, CurlHandle& handle, Kind kind) noexcept;
  // Ends the handle's call. `result` is libcurl's code.
  static void end(const CurlFunctions& curl, void* easy, CurlHandle& handle, int result) noexcept;
  // Ends it where libcurl did not say how it went.
  static void end_unknown(const CurlFunctions& curl, void* easy, CurlHandle& handle) noexcept;
  static void end_with_exception(const CurlFunctions& curl, void* easy, CurlHandle& handle) noexcept;
  // Gives a copy of the handle, which has our callbacks, the program's.
  static void give_back(const CurlFunctions& curl, void* copy, const CurlHandle& handle) noexcept;

  Kind kind() const noexcept { return kind_; }
  // Whether the option is ours at the moment.
  bool holds(int option) const noexcept;

 private:
  CurlTransfer(llm::Call call, llm::Endpoint endpoint, std::string path, Kind kind);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* handle);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* handle);
  static std::size_t on_read(char* data, std::size_t size, std::size_t count, void* handle);
  static int on_seek(void* handle, std::int64_t offset, int origin);
  static int on_debug(void* easy, int kind, char* data, std::size_t size, void* handle);

  void install(const CurlFunctions& curl, void* easy, CurlHandle& handle) const noexcept;
  void restore(const CurlFunctions& curl, void* easy, const CurlHandle& handle) const noexcept;
  void capture_body(std::string_view bytes) noexcept;
  void capture_header(std::string_view line) noexcept;
  void capture_request(std::string_view bytes) noexcept;
  void capture_request_head(std::string_view head) noexcept;
  void flush_held() noexcept;
  void log_late_request() noexcept;
  static void finish(const CurlFunctions& curl, void* easy, CurlHandle& handle, int status, const std::string& error,
                     std::chrono::nanoseconds took = {}) noexcept;

  llm::Call call_;
  llm::Endpoint endpoint_;
  std::string path_;
  std::string request_;  // where the body passes by
  std::string request_type_;
  std::string response_type_;
  std::string response_encoding_;
  std::string held_;       // of the body, while it may turn out to be a header
  std::size_t again_ = 0;  // bytes that a paused callback will be shown once more
  Kind kind_;
  bool watches_read_ = false;
  bool watches_debug_ = false;
  bool owns_seek_ = false;
  bool header_in_body_ = false;
  bool answered_ = false;  // the head of an answer is complete
  bool stopped_by_program_ = false;
  bool request_is_cut_ = false;
};

}  // namespace braintrust::instrument
