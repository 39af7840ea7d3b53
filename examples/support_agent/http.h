#pragma once

// One POST of JSON with libcurl.

#include <string>

struct HttpAnswer {
  long status = 0;         // 0: no answer, see `error`
  std::string error = {};  // of the connection
  std::string body = {};
};

HttpAnswer post_json(const std::string& url, const std::string& bearer_token, const std::string& body);
