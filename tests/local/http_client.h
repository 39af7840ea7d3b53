#pragma once

// `HttpClient`: a plain HTTP client for tests, on one kept connection. Threads: one thread at a time.

#include <curl/curl.h>

#include <string>
#include <vector>

class HttpClient {
 public:
  struct Answer {
    long status = 0;  // 0: no answer
    std::string body = {};
  };

  explicit HttpClient(std::string url, std::string key = "any")
      : url_(std::move(url)), key_(std::move(key)), curl_(curl_easy_init()) {}
  ~HttpClient() { curl_easy_cleanup(curl_); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Sent with every request from now on: "Host: example.org".
  void add_header(std::string header) { headers_.push_back(std::move(header)); }

  Answer get(const std::string& path) { return request("GET", url_ + path, nullptr); }
  Answer post(const std::string& path, const std::string& body) { return request("POST", url_ + path, &body); }
  Answer put(const std::string& full_url, const std::string& body) { return request("PUT", full_url, &body); }
  Answer request(const char* method, const std::string& full_url, const std::string* body) {
    Answer answer;
    curl_slist* headers = nullptr;
    if (!key_.empty()) headers = curl_slist_append(headers, ("Authorization: Bearer " + key_).c_str());
    for (const auto& header : headers_) headers = curl_slist_append(headers, header.c_str());
    curl_easy_reset(curl_);
    curl_easy_setopt(curl_, CURLOPT_URL, full_url.c_str());
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT, 110L);  // a sanitizer beside others takes its time
    curl_easy_setopt(curl_, CURLOPT_PROXY, "");
    if (body) {
      curl_easy_setopt(curl_, CURLOPT_POST, 1L);
      curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, body->data());
      curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
    }
    curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(
        curl_, CURLOPT_WRITEFUNCTION, +[](char* data, std::size_t size, std::size_t count, void* out) {
          static_cast<std::string*>(out)->append(data, size * count);
          return size * count;
        });
    curl_easy_perform(curl_);
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_slist_free_all(headers);
    return answer;
  }

  // The head of the answer to a GET.
  std::string headers_of(const std::string& full_url) {
    std::string head;
    curl_easy_reset(curl_);
    curl_easy_setopt(curl_, CURLOPT_URL, full_url.c_str());
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT, 110L);  // a sanitizer beside others takes its time
    curl_easy_setopt(curl_, CURLOPT_PROXY, "");
    curl_easy_setopt(curl_, CURLOPT_HEADERDATA, &head);
    curl_easy_setopt(
        curl_, CURLOPT_WRITEFUNCTION, +[](char*, std::size_t size, std::size_t count, void*) { return size * count; });
    curl_easy_setopt(
        curl_, CURLOPT_HEADERFUNCTION, +[](char* data, std::size_t size, std::size_t count, void* out) {
          static_cast<std::string*>(out)->append(data, size * count);
          return size * count;
        });
    curl_easy_perform(curl_);
    return head;
  }

 private:
  std::string url_;
  std::string key_;
  std::vector<std::string> headers_;
  CURL* curl_;
};
