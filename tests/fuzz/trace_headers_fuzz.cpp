// The headers of a trace: whatever comes in is read or not, never more than the limits is sent on, and what is sent can be
// read.

#include <algorithm>
#include <map>

#include <braintrust/trace/propagation.h>

#include "core/utf8.h"
#include "fuzz/fuzz.h"
#include "pipeline/container.h"
#include "trace/trace_headers.h"

namespace braintrust::fuzz {
namespace {

using namespace detail;

bool is_sendable(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7F; });
}

void check_traceparent(std::string_view text) {
  const auto parent = read_traceparent(text);
  if (parent) must(write_traceparent(*parent) == text, "a traceparent goes round", text);
}

void check_baggage(std::string_view text) {
  const std::string container = container_in(text);
  must(container.empty() || (pipeline::read_container(container) && utf8::is_valid(container)), "only containers are read",
       text);
  for (const std::string_view own : {std::string_view(), std::string_view("project_name:Zoë, 50%+x"), text}) {
    const std::string sent = baggage_with(own, text);
    must(sent.size() <= most_baggage_bytes, "the bytes of a baggage are bounded", text);
    must(std::count(sent.begin(), sent.end(), ',') < static_cast<std::ptrdiff_t>(most_baggage_members), "its members, too",
         text);
    must(is_sendable(sent), "it is a header's value", text);
    must(baggage_with(own, sent) == sent, "sent on, it stays the same", text);
    const bool fits = own.size() <= most_container_bytes;
    if (fits && utf8::is_valid(own) && pipeline::read_container(own))
      must(container_in(sent) == own, "a container goes round", own);
    if (own.empty()) must(container_in(sent).empty(), "nobody else's container is sent on", text);
  }
}

// A request's head, line by line: as lines, and as a map.
void check_headers(std::string_view text) {
  std::vector<std::string> lines;
  std::multimap<std::string, std::string> pairs;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    lines.emplace_back(line);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) pairs.emplace(line.substr(0, colon), line.substr(colon + 1));
  }
  for (const TraceContext& context : {extract_trace_context(lines), extract_trace_context(pairs)}) {
    must(static_cast<bool>(context.trace_id()) == static_cast<bool>(context), "both ids or none");
    must(static_cast<bool>(context.span_id()) == static_cast<bool>(context), "both ids or none");
    must(!Parent(context).container().empty() ? static_cast<bool>(context) : true, "no container without a parent");
  }
}

}  // namespace
}  // namespace braintrust::fuzz

std::vector<std::string> fuzz_seeds() {
  const std::string traceparent = "00-00112233445566778899aabbccddeeff-0123456789abcdef-01";
  const std::string baggage = "a=1%2F2,braintrust.parent=project_name:Zo%C3%AB%2C%2050%25+x;p=1, b = 2";
  std::string full;
  for (int i = 0; i < 64; ++i) full += "key" + std::to_string(i) + "=" + std::string(120, 'v') + ",";
  return {traceparent,
          baggage,
          "braintrust.parent=experiment_id%3A11111111-2222-3333-4444-555555555555",
          full + "braintrust.parent=project_id:x",
          "traceparent: " + traceparent + "\ntracestate: a=b,c=d\nbaggage: " + baggage,
          "Traceparent: " + traceparent + "\r\nBAGGAGE:braintrust.parent=project_id:x\nbaggage:y=z"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace braintrust::fuzz;
  const std::string_view text = as_text(data, size);
  check_traceparent(text);
  check_baggage(text);
  check_headers(text);
  return 0;
}
