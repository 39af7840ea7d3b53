#include "auto/redirect.h"

namespace braintrust::automatic {

AutoResult redirect_curl() { return {.problem = "calls of libcurl cannot be redirected on this system"}; }
std::vector<void*> curl_libraries() { return {}; }

}  // namespace braintrust::automatic
