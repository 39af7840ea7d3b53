#include <algorithm>
#include <string>

#include "llm/framing.h"

namespace braintrust::llm {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

class Sse final : public Framing {
 public:
  explicit Sse(std::size_t limit) : limit_(limit) {}

  void feed(std::string_view bytes, EventSink& sink) override {
    while (!bytes.empty()) {
      if (after_return_) {  // \r\n is one end of line, also when it comes in two pieces
        after_return_ = false;
        if (bytes.front() == '\n') {
          bytes.remove_prefix(1);
          continue;
        }
      }
      // A line ends with \n, \r\n or \r. Most end with \n, and each search runs over the line only.
      std::size_t end = bytes.find('\n');
      end = std::min(bytes.substr(0, end).find('\r'), end);
      if (end == std::string_view::npos) return keep_line(bytes);
      after_return_ = bytes[end] == '\r';
      if (line_.empty() && !line_too_long_) {
        end_line(bytes.substr(0, end), sink);
      } else {
        keep_line(bytes.substr(0, end));
        end_line(line_, sink);
        line_.clear();
      }
      bytes.remove_prefix(end + 1);
    }
  }

  void skip() override {
    line_.clear();
    line_too_long_ = false;
    start_event();
    first_line_ = false;
    resynchronising_ = true;
    torn_line_ = true;
  }

  void finish(EventSink& sink) override {
    if (!line_.empty() || line_too_long_) end_line(line_, sink);
    line_.clear();
    end_line({}, sink);
  }

 private:
  void keep_line(std::string_view bytes) {
    // Of the first line, a byte order mark may be part.
    line_too_long_ = line_too_long_ || line_.size() + bytes.size() > limit_ + (first_line_ ? byte_order_mark.size() : 0);
    if (line_too_long_) {
      line_.clear();
    } else {
      line_ += bytes;
    }
  }

  void keep_data(std::string_view bytes) {
    event_too_long_ = event_too_long_ || data_.size() + bytes.size() > limit_;
    if (!event_too_long_) data_ += bytes;
  }

  void start_event() {
    name_.clear();
    data_.clear();
    has_data_ = false;
    event_too_long_ = false;
  }

  void end_line(std::string_view line, EventSink& sink) {
    if (first_line_) {
      first_line_ = false;
      if (line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
    }
    if (torn_line_) {  // the rest of a line whose beginning is missing, blank or not
      torn_line_ = line_too_long_ = false;
      return;
    }
    if (line_too_long_ || line.size() > limit_) {
      line_too_long_ = false;
      event_too_long_ = true;
      return;
    }
    if (line.empty()) {
      if (has_data_ && !event_too_long_ && !resynchronising_) sink.event(name_, data_);
      resynchronising_ = false;
      return start_event();
    }
    const std::size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") {
      if (has_data_) keep_data("\n");
      keep_data(value);
      has_data_ = true;
    } else if (field == "event") {
      name_ = value.substr(0, 256);
    }
  }

  std::size_t limit_;
  std::string line_;  // the beginning of a line whose end is not there yet
  std::string name_, data_;
  bool has_data_ = false;
  bool event_too_long_ = false;
  bool line_too_long_ = false;
  bool after_return_ = false;
  bool first_line_ = true;
  bool resynchronising_ = false;
  bool torn_line_ = false;
};

}  // namespace

std::unique_ptr<Framing> sse_framing(std::size_t limit) { return std::make_unique<Sse>(limit); }

}  // namespace braintrust::llm
