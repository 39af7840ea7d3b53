#pragma once

// Leads the `curl_*` calls of everything that is loaded to instrument/curl_hooks.h. One .cpp file per kind of system.
//
// Threads: any. Errors: told in the result.

#include <vector>

#include <braintrust/instrument/auto.h>

namespace braintrust::automatic {

// What is loaded now, and from now on what dlopen brings. Everything found so far is in the result.
AutoResult redirect_curl();

// What dlopen gave for each libcurl found so far.
std::vector<void*> curl_libraries();

}  // namespace braintrust::automatic
