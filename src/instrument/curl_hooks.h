#pragma once

// What stands in for libcurl's functions, whichever way a program's calls are led here: patched slots (auto/got_patch.h) or the
// linker (auto/curl_wrap.cpp).
//
// Each does what libcurl's own does, through `curl`, and watches. They do not depend on each other's order: a handle whose
// beginning was not seen is passed through untouched.
//
// Threads: as libcurl's. Errors: as libcurl's; exceptions of a program's callbacks pass through. Source: interposition of
// libcurl as its documentation describes each function.

#include <cstdarg>

#include "instrument/curl_functions.h"

namespace braintrust::instrument {

namespace curl_hooks {

void* easy_init(const CurlFunctions& curl);
void easy_cleanup(const CurlFunctions& curl, void* easy);
void easy_reset(const CurlFunctions& curl, void* easy);
void* easy_duphandle(const CurlFunctions& curl, void* easy);
int easy_setopt(const CurlFunctions& curl, void* easy, int option, va_list arguments);
int easy_perform(const CurlFunctions& curl, void* easy);
int multi_add_handle(const CurlFunctions& curl, void* multi, void* easy);
int multi_remove_handle(const CurlFunctions& curl, void* multi, void* easy);
CurlMessage* multi_info_read(const CurlFunctions& curl, void* multi, int* left);

}  // namespace curl_hooks

// Whether calls are traced. Off, handles are still followed, so that those made before `auto_instrument` are known.
void trace_curl(bool on) noexcept;
bool traces_curl() noexcept;

// Called before the first model call, and each later one: the preloaded library begins to log there. Null: nobody.
void set_before_model_call(void (*function)()) noexcept;
void before_model_call();

}  // namespace braintrust::instrument
