// Streams of events: whatever the bytes and however they are cut, the same events come out, and none is longer than allowed.

#include "fuzz/fuzz.h"
#include "llm/event_stream_writer.h"
#include "llm/framing.h"

namespace braintrust::fuzz {
namespace {

constexpr std::size_t limit = 200;
using Make = std::unique_ptr<llm::Framing> (*)(std::size_t);
constexpr Make formats[] = {llm::sse_framing, llm::ndjson_framing, llm::event_stream_framing, llm::json_array_framing};

struct Collected final : llm::EventSink {
  std::string all;
  void event(std::string_view name, std::string_view data) override {
    must(data.size() <= limit, "no event is longer than the limit", data);
    all.append(name).append("|").append(data).append("\n");
  }
  void failure(std::string_view kind, std::string_view data) override { event(kind, data); }
};

std::string events_of(Make make, std::string_view bytes, std::size_t piece) {
  const auto framing = make(limit);
  Collected collected;
  for (std::size_t at = 0; at < bytes.size(); at += piece) framing->feed(std::string(bytes.substr(at, piece)), collected);
  framing->finish(collected);
  return collected.all;
}

}  // namespace
}  // namespace braintrust::fuzz

// The first byte chooses the format.
std::vector<std::string> fuzz_seeds() {
  using braintrust::llm::event_stream_message;
  return {
      std::string(1, '\0') + "event: a\r\ndata: {\"x\":1}\r\ndata: 2\r\n\r\n: note\ndata: [DONE]\n\nid: 1\r\rdata: end",
      std::string(1, '\1') + "{\"a\":1}\n\n{\"b\":2}\r\n{\"c\":",
      std::string(1, '\2') + event_stream_message({{":message-type", "event"}, {":event-type", "x"}}, "{\"a\":1}") +
          event_stream_message({{":message-type", "exception"}, {":exception-type", "y"}}, "{}"),
      std::string(1, '\3') + "[{\"a\":\"]\\\"\"},\r\n{\"b\":[1,2]}\r\n,\r\n3]",
  };
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace braintrust::fuzz;
  const Make make = formats[kind_of(size > 0 ? data[0] : 0, std::size(formats))];
  if (size == 0) return 0;
  const std::string_view bytes = as_text(data + 1, size - 1);
  const std::string whole = events_of(make, bytes, bytes.size() + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, bytes.size() / 2 + 1}) {
    const std::string cut = events_of(make, bytes, piece);
    must(cut == whole, "however the bytes are cut, the events are the same", cut + " instead of " + whole);
  }
  // After a gap anything may be missing, but nothing breaks.
  const auto framing = make(limit);
  Collected collected;
  framing->feed(bytes.substr(0, bytes.size() / 2), collected);
  framing->skip();
  framing->feed(bytes.substr(bytes.size() / 2), collected);
  framing->finish(collected);
  return 0;
}
