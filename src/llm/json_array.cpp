#include <string>

#include "llm/framing.h"

namespace braintrust::llm {
namespace {

// Counts brackets outside strings. Whether an element is valid is for its reader to say.
class JsonArray final : public Framing {
 public:
  explicit JsonArray(std::size_t limit) : limit_(limit) {}

  void feed(std::string_view bytes, EventSink& sink) override {
    std::size_t begin = 0;  // of the part of an element that lies in `bytes`
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const char c = bytes[at];
      if (resynchronising_) {
        // Google puts the comma between two elements on a line of its own or at its beginning.
        if (after_newline_ && c == ',') {
          resynchronising_ = false;
          depth_ = 1;
          begin = at + 1;
        }
        after_newline_ = c == '\n' || (after_newline_ && (c == '\r' || c == ' '));
        continue;
      }
      if (in_string_) {
        if (escaped_) {
          escaped_ = false;
        } else if (c == '\\') {
          escaped_ = true;
        } else if (c == '"') {
          in_string_ = false;
        }
        continue;
      }
      switch (c) {
        case '"':
          in_string_ = true;
          break;
        case '{':
        case '[':
          if (++depth_ == 1) begin = at + 1;
          break;
        case '}':
        case ']':
          if (depth_ > 0 && --depth_ == 0) end_element(bytes.substr(begin, at - begin), sink);
          break;
        case ',':
          if (depth_ == 1) {
            end_element(bytes.substr(begin, at - begin), sink);
            begin = at + 1;
          }
          break;
        default:
          break;
      }
    }
    if (depth_ > 0 && !resynchronising_) keep(bytes.substr(begin));
  }

  void skip() override {
    element_.clear();
    in_string_ = escaped_ = after_newline_ = false;
    resynchronising_ = true;
  }

  void finish(EventSink& sink) override { end_element({}, sink); }

 private:
  void keep(std::string_view bytes) {
    if (element_.size() + bytes.size() > limit_) {
      element_.clear();
      too_long_ = true;
    }
    if (!too_long_) element_ += bytes;
  }

  void end_element(std::string_view rest, EventSink& sink) {
    keep(rest);
    if (!too_long_ && element_.find_first_not_of(" \t\r\n") != std::string::npos) sink.event({}, element_);
    element_.clear();
    too_long_ = false;
  }

  std::size_t limit_;
  std::string element_;
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool too_long_ = false;
  bool resynchronising_ = false;
  bool after_newline_ = false;
};

}  // namespace

std::unique_ptr<Framing> json_array_framing(std::size_t limit) { return std::make_unique<JsonArray>(limit); }

}  // namespace braintrust::llm
