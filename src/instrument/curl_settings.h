#pragma once

// `CurlSettings`: what a program has set on one libcurl handle, as far as a model call can be told and captured by it.
//
// libcurl has no way to read a callback back, and reads a body's pointer only for some methods: a handle may hold POSTFIELDS
// that were freed long ago and do a GET. So the method's state machine is repeated here, and pointers are followed only where
// libcurl itself is about to. Defaults are libcurl's own.
//
// Threads: as the handle: one at a time. Errors: none. Source: lib/setopt.c of curl 7.12 to 8.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace braintrust::instrument {

struct CurlSettings {
  using Transfer = std::size_t (*)(char* data, std::size_t size, std::size_t count, void* target);
  using Seek = int (*)(void* target, std::int64_t offset, int origin);
  using Debug = int (*)(void* easy, int kind, char* data, std::size_t size, void* target);
  enum class Method : std::uint8_t { get, post, post_form, post_mime, put, head };

  std::string url = {};
  void* url_object = nullptr;  // a CURLU; beats `url`
  std::string default_protocol = {};
  std::string custom_method = {};
  std::string copied_body = {};
  const char* body = nullptr;  // the program's; with `body_is_copied` it is `copied_body`
  std::int64_t body_size = -1;
  long port = 0;
  const void* headers = nullptr;  // a curl_slist
  const char* error_buffer = nullptr;

  Transfer write = nullptr;
  void* write_target = stdout;
  Transfer header = nullptr;
  void* header_target = nullptr;
  Transfer read = nullptr;
  void* read_target = stdin;
  Seek seek = nullptr;
  void* seek_target = nullptr;
  Debug debug = nullptr;
  void* debug_target = nullptr;
  std::FILE* error_stream = stderr;

  Method method = Method::get;
  bool body_is_copied = false;
  bool header_in_body = false;
  bool verbose = false;
  bool connect_only = false;
  bool has_ioctl = false;

  // Whether `set` looks at the option.
  static bool knows(int option) noexcept;
  // What libcurl accepted.
  void set_number(int option, std::int64_t value);
  void set_pointer(int option, void* value);
  void set_function(int option, void (*value)());

  bool sends_post() const noexcept;
  // The body comes from the read callback.
  bool reads_body() const noexcept;
  bool sends_form() const noexcept { return method == Method::post_form || method == Method::post_mime; }
  // What libcurl will send of POSTFIELDS; blank for other kinds of bodies.
  std::string_view body_text() const noexcept;
  // A request header's value, or blank.
  std::string_view header_value(std::string_view name) const noexcept;
};

}  // namespace braintrust::instrument
