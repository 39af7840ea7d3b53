#include "api/server_events.h"

namespace braintrust::detail {

bool ServerEvents::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (after_return_ && bytes.front() == '\n') bytes.remove_prefix(1);  // \r\n is one end of line, also in two pieces
    after_return_ = false;
    const std::size_t end = bytes.find_first_of("\r\n");
    line_ += bytes.substr(0, end);
    if (line_.size() + data_.size() > most_bytes_) {
      too_long_ = true;
      return false;
    }
    if (end == std::string_view::npos) return true;
    after_return_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    if (!end_line()) return false;
  }
  return true;
}

bool ServerEvents::end_line() {
  std::string_view line = line_;
  if (first_line_ && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  first_line_ = false;

  bool wanted = true;
  if (line.empty()) {
    // By the standard an event without data is none; here `event: done` alone says all there is to say.
    if (has_data_ || !name_.empty()) wanted = visit_(name_, data_);
    name_.clear();
    data_.clear();
    has_data_ = false;
  } else {
    const std::size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "event") name_ = value;
    if (field == "data") {
      if (has_data_) data_ += '\n';
      data_ += value;
      has_data_ = true;
    }
  }
  line_.clear();
  return wanted;
}

}  // namespace braintrust::detail
