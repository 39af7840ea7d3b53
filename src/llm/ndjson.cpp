#include <string>

#include "llm/framing.h"

namespace braintrust::llm {
namespace {

class Ndjson final : public Framing {
 public:
  explicit Ndjson(std::size_t limit) : limit_(limit) {}

  void feed(std::string_view bytes, EventSink& sink) override {
    for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      if (line_.empty()) {
        end_line(bytes.substr(0, end), sink);
      } else {
        keep(bytes.substr(0, end));
        end_line(line_, sink);
        line_.clear();
      }
      bytes.remove_prefix(end + 1);
    }
    keep(bytes);
  }

  void skip() override {
    line_.clear();
    torn_ = true;
  }

  void finish(EventSink& sink) override {
    end_line(line_, sink);
    line_.clear();
  }

 private:
  void keep(std::string_view bytes) {
    if (line_.size() + bytes.size() > limit_) {
      line_.clear();
      torn_ = true;
    }
    if (!torn_) line_ += bytes;
  }

  void end_line(std::string_view line, EventSink& sink) {
    if (!torn_ && line.size() <= limit_ && line.find_first_not_of(" \t\r") != std::string_view::npos) sink.event({}, line);
    torn_ = false;
  }

  std::size_t limit_;
  std::string line_;
  bool torn_ = false;  // the beginning of this line is missing
};

}  // namespace

std::unique_ptr<Framing> ndjson_framing(std::size_t limit) { return std::make_unique<Ndjson>(limit); }

}  // namespace braintrust::llm
