#pragma once

// `CurlFunctions`: one libcurl in this process, as function pointers.
//
// A process may hold several (two TLS flavours, a copy inside a plugin), and a handle of one must never reach another; so
// whoever hooks libcurl fills one table for each and passes it along. curl.h is not included: its types here are pointers, its
// numbers are those of curl_options.h, both part of libcurl's stable ABI.
//
// Threads: a plain value, written once. Errors: none. Source: curl/easy.h, curl/multi.h, curl/urlapi.h.

namespace braintrust::instrument {

// CURLMsg
struct CurlMessage {
  int kind;
  void* easy;
  union {
    void* whatever;
    int result;
  } data;
};

struct CurlFunctions {
  // What is hooked.
  void* (*easy_init)() = nullptr;
  void (*easy_cleanup)(void* easy) = nullptr;
  void (*easy_reset)(void* easy) = nullptr;
  void* (*easy_duphandle)(void* easy) = nullptr;
  int (*easy_setopt)(void* easy, int option, ...) = nullptr;
  int (*easy_perform)(void* easy) = nullptr;
  int (*multi_add_handle)(void* multi, void* easy) = nullptr;
  int (*multi_remove_handle)(void* multi, void* easy) = nullptr;
  CurlMessage* (*multi_info_read)(void* multi, int* left) = nullptr;

  // What is only called.
  int (*easy_getinfo)(void* easy, int info, ...) = nullptr;
  const char* (*easy_strerror)(int code) = nullptr;
  int (*url_get)(void* url, int part, char** text, unsigned flags) = nullptr;  // since 7.62; may be null, as the next
  void (*free)(void* memory) = nullptr;

  bool operator==(const CurlFunctions&) const = default;
};

}  // namespace braintrust::instrument
