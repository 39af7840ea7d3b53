// A plugin whose only business is to ask a model through libcurl. Built once for each flavour of libcurl.

#include <curl/curl.h>

#include <cstdio>
#include <string>

namespace {

std::size_t to_string(char* data, std::size_t size, std::size_t count, void* target) {
  static_cast<std::string*>(target)->append(data, size * count);
  return size * count;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int ask(const char* url, const char* text) {
  const std::string request = std::string(R"({"model":"m","messages":[{"role":"user","content":")") + text + R"("}]})";
  std::string body;
  CURL* const easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.c_str());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, to_string);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  CURLM* const multi = curl_multi_init();
  curl_multi_add_handle(multi, easy);
  int running = 1;
  while (running > 0) {
    curl_multi_perform(multi, &running);
    if (running > 0) curl_multi_poll(multi, nullptr, 0, 100, nullptr);
  }
  int left = 0;
  int result = -1;
  while (const CURLMsg* const message = curl_multi_info_read(multi, &left)) result = message->data.result;
  curl_multi_remove_handle(multi, easy);
  curl_multi_cleanup(multi);
  curl_easy_cleanup(easy);
  std::printf("%d %s\n", result, body.c_str());
  return result;
}
