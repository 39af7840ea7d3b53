// `braintrust::curl_wrap`: for a libcurl that is linked statically. The linker's option --wrap=f leads each call of f to
// __wrap_f and each of __real_f to f; CMakeLists.txt gives one for each function below.

#include <cstdarg>

#include "instrument/curl_hooks.h"

using braintrust::instrument::CurlFunctions;
using braintrust::instrument::CurlMessage;
namespace hooks = braintrust::instrument::curl_hooks;

extern "C" {

extern const char braintrust_curl_wrap_is_linked;
const char braintrust_curl_wrap_is_linked = 1;

void* __real_curl_easy_init();
void __real_curl_easy_cleanup(void* easy);
void __real_curl_easy_reset(void* easy);
void* __real_curl_easy_duphandle(void* easy);
int __real_curl_easy_setopt(void* easy, int option, ...);
int __real_curl_easy_perform(void* easy);
int __real_curl_multi_add_handle(void* multi, void* easy);
int __real_curl_multi_remove_handle(void* multi, void* easy);
CurlMessage* __real_curl_multi_info_read(void* multi, int* left);
int curl_easy_getinfo(void* easy, int info, ...);
const char* curl_easy_strerror(int code);
int curl_url_get(void* url, int part, char** text, unsigned flags);
void curl_free(void* memory);

}  // extern "C"

namespace {

constexpr CurlFunctions curl = {
    .easy_init = __real_curl_easy_init,
    .easy_cleanup = __real_curl_easy_cleanup,
    .easy_reset = __real_curl_easy_reset,
    .easy_duphandle = __real_curl_easy_duphandle,
    .easy_setopt = __real_curl_easy_setopt,
    .easy_perform = __real_curl_easy_perform,
    .multi_add_handle = __real_curl_multi_add_handle,
    .multi_remove_handle = __real_curl_multi_remove_handle,
    .multi_info_read = __real_curl_multi_info_read,
    .easy_getinfo = curl_easy_getinfo,
    .easy_strerror = curl_easy_strerror,
    .url_get = curl_url_get,
    .free = curl_free,
};

}  // namespace

extern "C" {

void* __wrap_curl_easy_init() { return hooks::easy_init(curl); }
void __wrap_curl_easy_cleanup(void* easy) { hooks::easy_cleanup(curl, easy); }
void __wrap_curl_easy_reset(void* easy) { hooks::easy_reset(curl, easy); }
void* __wrap_curl_easy_duphandle(void* easy) { return hooks::easy_duphandle(curl, easy); }
int __wrap_curl_easy_setopt(void* easy, int option, ...) {
  va_list arguments;
  va_start(arguments, option);
  const int result = hooks::easy_setopt(curl, easy, option, arguments);
  va_end(arguments);
  return result;
}
int __wrap_curl_easy_perform(void* easy) { return hooks::easy_perform(curl, easy); }
int __wrap_curl_multi_add_handle(void* multi, void* easy) { return hooks::multi_add_handle(curl, multi, easy); }
int __wrap_curl_multi_remove_handle(void* multi, void* easy) { return hooks::multi_remove_handle(curl, multi, easy); }
CurlMessage* __wrap_curl_multi_info_read(void* multi, int* left) { return hooks::multi_info_read(curl, multi, left); }

}  // extern "C"
