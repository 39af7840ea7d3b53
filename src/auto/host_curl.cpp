// libcurl for the preloaded library: the one that the program itself uses. There is none to link, so that a program without
// libcurl does not get one, and one with another flavour does not get two; and there is one when it is needed, because a row is
// only ever made of a call that the program made through it.
//
// These are the functions that our own requests call (pipeline/http.cpp), under their names, visible in this library only.

#include <dlfcn.h>

#include <array>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "auto/dynamic_loader.h"
#include "auto/redirect.h"
#include "instrument/curl_options.h"

namespace {

constexpr const char* names[] = {
    "curl_global_init",   "curl_easy_init",     "curl_easy_cleanup", "curl_easy_reset",       "curl_easy_setopt",
    "curl_easy_getinfo",  "curl_easy_strerror", "curl_slist_append", "curl_slist_free_all",   "curl_mime_init",
    "curl_mime_free",     "curl_mime_addpart",  "curl_mime_name",    "curl_mime_filename",    "curl_mime_type",
    "curl_mime_data",     "curl_multi_init",    "curl_multi_setopt", "curl_multi_add_handle", "curl_multi_remove_handle",
    "curl_multi_perform", "curl_multi_poll",    "curl_multi_wakeup", "curl_multi_info_read",  "curl_multi_cleanup",
    "curl_getdate"};
using Functions = std::array<void*, std::size(names)>;

bool fill(void* library, Functions& functions) {
  for (std::size_t i = 0; i < functions.size(); ++i) {
    functions[i] = braintrust::automatic::symbol_of(library, names[i]);
    if (functions[i] == nullptr) return false;
  }
  return true;
}

Functions find() {
  Functions functions{};
  for (void* const library : braintrust::automatic::curl_libraries()) {
    if (fill(library, functions)) return functions;
  }
  // One that is too old, then. Kept to ourselves.
  for (const char* const name : {"libcurl.so.4", "libcurl-gnutls.so.4"}) {
    void* const library = ::dlopen(name, RTLD_LAZY | RTLD_LOCAL);
    if (library != nullptr && fill(library, functions)) return functions;
  }
  return {};
}

const Functions& functions() {
  static const Functions found = find();
  return found;
}

constexpr std::size_t index_of(std::string_view name) {
  std::size_t index = 0;
  while (names[index] != name) ++index;
  return index;
}

template <class Function>
Function* function_at(std::size_t index) {
  return reinterpret_cast<Function*>(functions()[index]);
}

template <class Result, class... Arguments>
Result call(std::size_t index, Arguments... arguments) {
  auto* const function = function_at<Result(Arguments...)>(index);
  return function != nullptr ? function(arguments...) : Result();
}

constexpr int failed = 2;  // CURLE_FAILED_INIT

// An option's number tells the type of its value.
int set_option(std::size_t index, void* handle, int option, va_list value) {
  using namespace braintrust::instrument;
  auto* const function = function_at<int(void*, int, ...)>(index);
  if (function == nullptr) return failed;
  if (option >= curl::first_offset && option < curl::first_blob) return function(handle, option, va_arg(value, std::int64_t));
  if (option >= curl::first_object) return function(handle, option, va_arg(value, void*));
  return function(handle, option, va_arg(value, long));
}

}  // namespace

extern "C" {

int curl_global_init(long flags) { return call<int>(index_of("curl_global_init"), flags); }
void* curl_easy_init() { return call<void*>(index_of("curl_easy_init")); }
void curl_easy_cleanup(void* easy) { call<void>(index_of("curl_easy_cleanup"), easy); }
void curl_easy_reset(void* easy) { call<void>(index_of("curl_easy_reset"), easy); }
int curl_easy_setopt(void* easy, int option, ...) {
  va_list rest;
  va_start(rest, option);
  const int result = set_option(index_of("curl_easy_setopt"), easy, option, rest);
  va_end(rest);
  return result;
}
int curl_easy_getinfo(void* easy, int info, ...) {
  va_list rest;
  va_start(rest, info);
  // Whatever the information is, a pointer to its place is given.
  auto* const function = function_at<int(void*, int, ...)>(index_of("curl_easy_getinfo"));
  const int result = function != nullptr ? function(easy, info, va_arg(rest, void*)) : failed;
  va_end(rest);
  return result;
}
const char* curl_easy_strerror(int code) { return call<const char*>(index_of("curl_easy_strerror"), code); }
void* curl_slist_append(void* list, const char* text) { return call<void*>(index_of("curl_slist_append"), list, text); }
void curl_slist_free_all(void* list) { call<void>(index_of("curl_slist_free_all"), list); }
void* curl_mime_init(void* easy) { return call<void*>(index_of("curl_mime_init"), easy); }
void curl_mime_free(void* mime) { call<void>(index_of("curl_mime_free"), mime); }
void* curl_mime_addpart(void* mime) { return call<void*>(index_of("curl_mime_addpart"), mime); }
int curl_mime_name(void* part, const char* name) { return call<int>(index_of("curl_mime_name"), part, name); }
int curl_mime_filename(void* part, const char* name) { return call<int>(index_of("curl_mime_filename"), part, name); }
int curl_mime_type(void* part, const char* type) { return call<int>(index_of("curl_mime_type"), part, type); }
int curl_mime_data(void* part, const char* data, std::size_t size) {
  return call<int>(index_of("curl_mime_data"), part, data, size);
}
void* curl_multi_init() { return call<void*>(index_of("curl_multi_init")); }
int curl_multi_setopt(void* multi, int option, ...) {
  va_list rest;
  va_start(rest, option);
  const int result = set_option(index_of("curl_multi_setopt"), multi, option, rest);
  va_end(rest);
  return result;
}
int curl_multi_add_handle(void* multi, void* easy) { return call<int>(index_of("curl_multi_add_handle"), multi, easy); }
int curl_multi_remove_handle(void* multi, void* easy) { return call<int>(index_of("curl_multi_remove_handle"), multi, easy); }
int curl_multi_perform(void* multi, int* running) { return call<int>(index_of("curl_multi_perform"), multi, running); }
int curl_multi_poll(void* multi, void* extra, unsigned count, int milliseconds, int* ready) {
  return call<int>(index_of("curl_multi_poll"), multi, extra, count, milliseconds, ready);
}
int curl_multi_wakeup(void* multi) { return call<int>(index_of("curl_multi_wakeup"), multi); }
void* curl_multi_info_read(void* multi, int* left) { return call<void*>(index_of("curl_multi_info_read"), multi, left); }
std::time_t curl_getdate(const char* text, const std::time_t* now) {
  return call<std::time_t>(index_of("curl_getdate"), text, now);
}
int curl_multi_cleanup(void* multi) { return call<int>(index_of("curl_multi_cleanup"), multi); }

}  // extern "C"
