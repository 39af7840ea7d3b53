#pragma once

// One way in which programs use libcurl, by name, against a provider ("http://127.0.0.1:1234"). Prints what the program sees.
// 2 = there is no such case. Knows nothing of tracing.
int run_curl_case(const char* name, const char* provider);
