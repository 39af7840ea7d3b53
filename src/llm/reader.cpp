#include "llm/reader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "core/environment.h"
#include "core/utf8.h"
#include "llm/content_coding.h"
#include "llm/dialect.h"
#include "llm/framing.h"
#include "llm/json_text.h"
#include "llm/multipart.h"

namespace braintrust::llm {
namespace {

// The note where something was thrown: memory ran out, most likely. So short that it needs none.
constexpr const char* not_understood = "not understood";

// JSON with broken UTF-8 in it is read with U+FFFD in its place; `repaired` keeps that text.
JsonView parse_repairing(std::string_view text, std::string& repaired) {
  JsonView value = JsonView::parse(text);
  if (!value.text().empty()) return value;
  repaired = utf8::repaired(text);
  return repaired == text ? JsonView() : JsonView::parse(repaired);
}

std::string_view media_type(std::string_view content_type) {
  return detail::trimmed(content_type.substr(0, content_type.find(';')));
}

// What the first bytes of a body are the beginning of; `json` where it is nothing known.
enum class Shape { unknown, json, events };

Shape shape_of(std::string_view bytes) {
  if (bytes.empty()) return Shape::unknown;
  if (bytes.front() == '{' || bytes.front() == '[') return Shape::json;
  for (const std::string_view field : {"data:", "event:", "id:", "retry:", ":"}) {
    if (bytes.starts_with(field)) return Shape::events;
    if (field.starts_with(bytes)) return Shape::unknown;
  }
  return Shape::json;
}

}  // namespace

Facts read_request(const Endpoint& endpoint, std::string_view path, std::string_view content_type, std::string_view body,
                   MediaSink* sink) noexcept {
  Facts facts;
  try {
    std::string text;
    JsonView json;
    if (const std::string_view boundary = multipart_boundary(content_type); !boundary.empty()) {
      text = multipart_as_json(body, boundary);
      json = JsonView::parse(text);
    } else {
      json = parse_repairing(body, text);
    }
    if (!body.empty() && json.text().empty()) facts.note = "the request's body is no JSON";
    Request request = endpoint.dialect->read_request({endpoint.provider, path}, json);
    facts.name = std::move(request.name);
    facts.input = with_references(std::move(request.input), endpoint.dialect->media(), sink);
    ObjectText metadata;
    metadata.add_string("model", request.model).add_string("provider", endpoint.provider);
    JsonView::of_valid(request.metadata.text()).each_member([&](std::string_view key, JsonView value) {
      metadata.add(key, value);
    });
    facts.metadata = metadata.text();
  } catch (...) {  // INST 1.4: less is logged
    facts.note = not_understood;
  }
  return facts;
}

class ResponseReader::State final : private EventSink {
 public:
  State(const Endpoint& endpoint, std::string_view path, const ResponseHead& head, MediaSink* sink, std::size_t limit)
      : dialect_(*endpoint.dialect),
        provider_(endpoint.provider),
        path_(path),
        content_encoding_(head.content_encoding),
        status_(head.status),
        limit_(limit),
        sink_(sink),
        decoder_(ContentDecoder::of(head.content_encoding, 4 * limit)),
        parser_(dialect_.new_response({provider_, path_})) {
    parser_->set_limit(limit);
    const std::string_view type = media_type(head.content_type);
    if (failed_status()) return;  // an error is a plain body, whatever was asked for
    announced_events_ = same_ignoring_case(type, "text/event-stream");
    framing_ = framing_of(type);
  }

  void feed(std::string_view bytes) {
    if (decoder_) {
      decoder_->feed(bytes, [this](std::string_view decoded) { take(decoded); });
    } else {
      take(bytes);
    }
  }

  void skip() {
    if (decoder_) decoder_->skip();
    if (announced_events_ && !framing_) start_framing(sse_framing(limit_));
    if (framing_) {
      framing_->skip();
      parser_->mark_incomplete();
    } else {
      body_complete_ = false;
    }
  }

  Facts finish(const End& end) {
    if (framing_) {
      framing_->finish(*this);
    } else {
      read_body();
    }
    if (streamed_) parser_->end_of_events();
    return facts(end);
  }

 private:
  bool failed_status() const { return status_ != 0 && (status_ < 200 || status_ >= 300); }

  std::unique_ptr<Framing> framing_of(std::string_view type) const {
    if (same_ignoring_case(type, "application/vnd.amazon.eventstream")) return event_stream_framing(limit_);
    for (const std::string_view lines : {"application/x-ndjson", "application/ndjson", "application/jsonl",
                                         "application/stream+json", "application/x-jsonlines"}) {
      if (same_ignoring_case(type, lines)) return ndjson_framing(limit_);
    }
    return nullptr;
  }

  void take(std::string_view bytes) {
    while (!framing_ && !shape_known_ && !bytes.empty()) {
      constexpr std::size_t telling = 64;
      body_ += bytes.substr(0, telling);
      bytes.remove_prefix(std::min(telling, bytes.size()));
      look_at_beginning();
    }
    if (framing_) return framing_->feed(bytes, *this);
    if (body_.size() + bytes.size() > limit_) body_complete_ = false;
    if (body_complete_) body_ += bytes;
  }

  // A plain body, or a stream that its content type does not tell.
  void look_at_beginning() {
    // White space in front keeps connections alive, perhaps for long.
    body_.erase(0, std::min(body_.find_first_not_of(" \t\r\n"), body_.size()));
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (byte_order_mark.starts_with(body_)) return;
    if (body_.starts_with(byte_order_mark)) body_.erase(0, byte_order_mark.size());
    const Shape shape = shape_of(body_);
    if (shape == Shape::unknown) return;
    shape_known_ = true;
    if (failed_status()) return;
    const bool object = body_.starts_with('{');  // an error, also where events were announced
    if (shape == Shape::events || (announced_events_ && !object)) {
      start_framing(sse_framing(limit_));
    } else if (dialect_.json_stream == JsonStream::messages && body_.starts_with('\0')) {  // the length of the first one
      start_framing(event_stream_framing(limit_));
    } else if (dialect_.json_stream == JsonStream::array && !object) {
      start_framing(json_array_framing(limit_));
    }
  }

  void start_framing(std::unique_ptr<Framing> framing) {
    framing_ = std::move(framing);
    framing_->feed(std::exchange(body_, {}), *this);
  }

  void event(std::string_view name, std::string_view data) override {
    streamed_ = true;
    std::string repaired, unwrapped;
    JsonView json = parse_repairing(data, repaired);
    if (dialect_.unwrap_event != nullptr) {
      unwrapped = dialect_.unwrap_event(json);
      json = JsonView::parse(unwrapped);
    }
    if (json.is_object()) parser_->event(name, json);  // [DONE] is none (INST 10.14)
  }

  void failure(std::string_view kind, std::string_view data) override {
    streamed_ = true;
    const std::string text = error_in(JsonView::parse(data), kind);
    if (!parser_->answer.error.empty()) return;
    parser_->answer.error = !text.empty()  ? text
                            : data.empty() ? std::string(kind)
                                           : std::string(kind) + ": " + utf8::repaired(data);
    if (parser_->answer.error.empty()) parser_->answer.error = "error";
  }

  void read_body() {
    if (!body_complete_) {
      if (failed_status()) parser_->answer.error = "HTTP " + std::to_string(status_);
      return;
    }
    std::string repaired;
    const JsonView json = parse_repairing(body_, repaired);
    if (json.text().empty() && dialect_.json_stream == JsonStream::lines && body_.starts_with('{') && !failed_status()) {
      start_framing(ndjson_framing(limit_));
      return framing_->finish(*this);
    }
    if (failed_status()) {  // INST 9.2: the body is not read for output or metrics
      const std::string kind = "HTTP " + std::to_string(status_);
      parser_->answer.error = json.text().empty() ? error_in_text(body_, kind) : error_in(json, kind);
      if (parser_->answer.error.empty()) parser_->answer.error = kind;
    } else if (!json.text().empty()) {
      parser_->body(json);
    } else if (!body_.empty()) {
      note_ = "the response's body is no JSON";
    }
  }

  Facts facts(const End& end) {
    Answer& answer = parser_->answer;
    Facts facts;
    facts.streamed = streamed_;
    if (end.broken && answer.error.empty()) answer.error = end.error.empty() ? "the connection broke off" : end.error;
    if (!answer.error.empty()) facts.error = json_string(answer.error);
    if (decoder_ && decoder_->failed()) {
      note_ = "the response's body could not be decoded from " + content_encoding_;
    } else if (!body_complete_ || parser_->incomplete() || (decoder_ && decoder_->too_long())) {
      note_ = "a part of the response was not seen or was too long to keep";
    }
    facts.note = note_;
    facts.output = with_references(std::move(answer.output), dialect_.media(), sink_);
    if (!answer.model.empty()) facts.metadata = ObjectText().add_string("model", answer.model).text();
    answer.metrics.complete_total();
    facts.metrics = answer.metrics.text();
    return facts;
  }

  const Dialect& dialect_;
  const std::string provider_, path_;  // the parser's CallTarget points into them
  const std::string content_encoding_;
  const int status_;
  const std::size_t limit_;
  MediaSink* const sink_;
  std::unique_ptr<ContentDecoder> decoder_;
  std::unique_ptr<ResponseParser> parser_;
  std::unique_ptr<Framing> framing_;  // null: a plain body, as far as is known
  std::string body_;
  std::string note_;
  bool announced_events_ = false;
  bool body_complete_ = true;
  bool shape_known_ = false;
  bool streamed_ = false;
};

ResponseReader::ResponseReader(const Endpoint& endpoint, std::string_view path, const ResponseHead& head, MediaSink* sink,
                               std::size_t limit) noexcept {
  try {
    state_ = std::make_unique<State>(endpoint, path, head, sink, limit);
  } catch (...) {  // INST 1.4; without a state nothing is read
  }
}
ResponseReader::~ResponseReader() = default;
ResponseReader::ResponseReader(ResponseReader&&) noexcept = default;
ResponseReader& ResponseReader::operator=(ResponseReader&&) noexcept = default;

void ResponseReader::feed(std::string_view bytes) noexcept {
  try {
    if (state_) state_->feed(bytes);
  } catch (...) {
    state_.reset();  // out of memory: what was collected is given up
  }
}

void ResponseReader::skip() noexcept {
  try {
    if (state_) state_->skip();
  } catch (...) {
    state_.reset();
  }
}

Facts ResponseReader::finish(const End& end) noexcept {
  try {
    if (state_) return state_->finish(end);
  } catch (...) {
  }
  return {.note = not_understood};
}

}  // namespace braintrust::llm
