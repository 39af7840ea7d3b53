// libcurl's lists as carriers: the one file of this room that knows them.

#include <curl/curl.h>

#include "trace/propagation.h"

namespace braintrust::detail {

void read_curl_headers(const curl_slist* headers, TraceHeadersReader& reader) {
  for (const curl_slist* node = headers; node != nullptr; node = node->next) {
    if (node->data != nullptr) reader.add_line(node->data);
  }
}

void set_curl_header(curl_slist*& headers, const std::string& name, const std::string& value) {
  for (curl_slist** link = &headers; *link != nullptr;) {
    curl_slist* const node = *link;
    if (node->data == nullptr || !is_header_line(node->data, name)) {
      link = &node->next;
      continue;
    }
    *link = std::exchange(node->next, nullptr);
    curl_slist_free_all(node);
  }
  if (value.empty()) return;
  // Null: there was no memory, and the list is as it was.
  if (curl_slist* const longer = curl_slist_append(headers, (name + ": " + value).c_str())) headers = longer;
}

}  // namespace braintrust::detail
