#include <braintrust/instrument/call.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <string>

#include <braintrust/core/diagnostics.h>

#include "core/clock.h"
#include "instrument/endpoint_call.h"
#include "instrument/exchange_capture.h"
#include "instrument/known_endpoints.h"
#include "llm/registry.h"
#include "trace/capture.h"

namespace braintrust::llm {
namespace {

constexpr std::size_t most_of_request = std::size_t{32} << 20;
constexpr std::size_t most_of_head = std::size_t{16} << 20;
constexpr std::size_t most_of_tail = std::size_t{256} << 10;

constinit thread_local int untraced = 0;  // see leave_calls_untraced

// Whether `bytes` are more than blanks and comments, which a server sends to keep a stream of events alive until the model
// speaks. `in_comment` goes on from chunk to chunk.
bool tells_something(std::string_view bytes, bool& in_comment) {
  for (const char c : bytes) {
    const bool line_end = c == '\n' || c == '\r';
    if (in_comment) {
      in_comment = !line_end;
    } else if (c == ':') {
      in_comment = true;
    } else if (!line_end && c != ' ' && c != '\t') {
      return true;
    }
  }
  return false;
}

std::string_view without_query(std::string_view path) { return path.substr(0, path.find_first_of("?#")); }

Call start_call_to(CallOptions options, const Site& site) {
  const std::optional<Url> url = Url::parse(options.url);
  const std::optional<Endpoint> endpoint = url ? find_endpoint(*url, instrument::known_endpoints()) : std::nullopt;
  if (!endpoint) return {};
  options.path = url->path;
  return start_call(*endpoint, options, site);
}

}  // namespace

struct Call::State {
  Span span;
  Endpoint endpoint;
  std::string path;
  std::int64_t started = 0;
  std::int64_t first_byte = 0;  // that tells something; 0: none yet
  bool in_comment = false;
  detail::Buffer head;
  // Behind a full head: the last bytes, twice as many as will be kept, so that they move seldom.
  detail::Buffer tail;
  bool cut = false;

  void keep(std::string_view bytes) {
    const std::string_view fits = bytes.substr(0, most_of_head - head.size());
    head.append(fits);
    bytes.remove_prefix(fits.size());
    if (bytes.empty()) return;
    if (bytes.size() > most_of_tail) {
      bytes.remove_prefix(bytes.size() - most_of_tail);
      cut = true;
    }
    if (tail.size() + bytes.size() > 2 * most_of_tail) trim_tail();
    tail.append(bytes);
  }
  void trim_tail() {
    if (tail.size() <= most_of_tail) return;
    std::copy(tail.data() + tail.size() - most_of_tail, tail.data() + tail.size(), tail.data());
    tail.truncate(most_of_tail);
    cut = true;
  }
};

Call::Call() noexcept = default;
Call::Call(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Call::Call(Call&& other) noexcept = default;

Call& Call::operator=(Call&& other) noexcept {
  if (this != &other) {
    end({.status = 0});
    state_ = std::move(other.state_);
  }
  return *this;
}

Call::~Call() { end({.status = 0}); }

Call start_call(const CallOptions& options, Site site) noexcept {
  if (!detail::tracing()) return {};
  try {
    if (!options.url.empty()) return start_call_to(options, site);
    const Dialect* const dialect = dialect_of_path(without_query(options.path));
    if (dialect == nullptr) return {};
    return start_call({.dialect = dialect, .provider = std::string(options.provider)}, options, site);
  } catch (const std::exception&) {  // out of memory
    return {};
  }
}

bool calls_are_traced_above() noexcept { return untraced > 0; }
void leave_calls_untraced(bool begin) noexcept { untraced += begin ? 1 : -1; }

Call start_call(const Endpoint& endpoint, const CallOptions& options, const Site& site) noexcept {
  if (!detail::tracing() || calls_are_traced_above()) return {};
  try {
    auto state = std::make_unique<Call::State>();
    state->span = start_span(endpoint.provider, {.type = SpanType::llm, .parent = options.parent, .set_current = false}, site);
    if (!state->span) return {};
    state->endpoint = endpoint;
    state->path = without_query(options.path);
    const detail::SpanRef ref = state->span.handle().ref();
    detail::log_instrumentation(ref, endpoint.instrumentation());
    const bool fits = options.request.size() <= most_of_request;
    instrument::log_request(
        ref, endpoint,
        {.path = state->path, .content_type = options.content_type, .body = fits ? options.request : std::string_view()});
    if (!fits) {
      detail::report(Severity::warning, ErrorCode::invalid_argument,
                     "a model call's request of more than 32 MiB is not recorded; its span has no input");
    }
    state->started = detail::steady_now();
    return Call(std::move(state));
  } catch (const std::exception&) {  // out of memory
    return {};
  }
}

void Call::capture(std::string_view bytes) noexcept {
  if (state_->first_byte == 0 && tells_something(bytes, state_->in_comment)) state_->first_byte = detail::steady_now();
  try {
    state_->keep(bytes);
  } catch (const std::exception&) {  // out of memory: what is there will do
    state_->cut = true;
  }
}

void Call::end(const CallEnd& end) noexcept {
  if (state_ == nullptr) return;
  State& state = *state_;
  const bool answered = end.status != 0 || !state.head.empty() || !end.error.empty();
  if (answered) {
    state.trim_tail();
    constexpr double nanosecond = 1e-9;
    instrument::log_response(
        state.span.handle().ref(), state.endpoint,
        {.path = state.path,
         .status = end.status != 0 || !end.error.empty() ? end.status : 200,
         .content_type = end.content_type,
         .content_encoding = end.content_encoding,
         .error = end.error,
         .seconds_to_first = state.first_byte != 0 ? static_cast<double>(state.first_byte - state.started) * nanosecond : -1.0,
         .head = state.head.view(),
         .tail = state.tail.view(),
         .cut = state.cut});
  }
  if (end.took.count() > 0) {
    const std::chrono::nanoseconds until_now(detail::steady_now() - state.started);
    const auto ago = std::max(until_now - end.took, std::chrono::nanoseconds(0));
    state.span.end(std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::system_clock::duration>(ago));
  }
  state_.reset();  // its span ends, if it has not
}

SpanHandle Call::span() const noexcept { return state_ != nullptr ? state_->span.handle() : SpanHandle(); }

}  // namespace braintrust::llm
