#pragma once

// One trace across processes: W3C trace context, in the headers of a request or the metadata of a message.
//
//   braintrust::inject_trace_context(request.headers);                        // who calls, inside a span
//
//   const auto context = braintrust::extract_trace_context(request.headers);  // who is called
//   auto span = logger.start_span("handler", {.parent = context});            // a child of the caller's span
//
// A carrier is whatever holds the headers:
//   - a map of texts, or any sequence of pairs of them: std::map, httplib::Headers, crow::ci_map, gRPC's client metadata
//   - a std::vector<std::string> of lines "Name: value"
//   - libcurl's list, a `curl_slist*`
//   - a function: to extract, one that gets a header, `get(name)`; to inject, one that sets it, `set(name, value)`. Both in
//   one,
//     which lets `inject` keep what is there: `HeaderAccess{get, set}`
// docs/opentelemetry.md has the lines for Drogon, Crow, Boost.Beast and gRPC.
//
// Sent: `traceparent`, `tracestate` as it came in, and `baggage` with `braintrust.parent`, the project or experiment of the
// span; not that one as long as it is not known. Names are in lower case, and replace those of any case. Other members of a
// baggage are kept, byte for byte, up to 64 and 8192 bytes in all. No span, or one of an older SDK's trace of UUIDs: the
// carrier stays as it is.
//
// Received: names in any case. Without a `traceparent` that is well formed (or with two) the context is false, "no parent": a
// span with that parent begins a trace, even inside another span. With one, the span is a child of the caller's, and goes to
// the container that the baggage names: also where it is started on a logger, which then only delivers it, because a trace is
// seen whole in one place only. Without a container it goes where it would have gone without a parent.
//
// So whoever may call you chooses the trace, and a project among those that your key may write to. Do not extract what comes
// from strangers.
//
// Threads: plain values and functions; a carrier is used by one thread at a time.
// Errors: nothing throws, whatever the headers hold. What the carrier throws is told to diagnostics (diagnostics.h).
// Source: INST 19; PROTO 19.2.

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <braintrust/trace/span.h>

struct curl_slist;

namespace braintrust {

namespace detail {
struct Propagation;
}

// The caller's span, as headers told of it; or, false, "no parent". For `SpanOptions::parent`.
class TraceContext {
 public:
  TraceContext() = default;  // no parent

  explicit operator bool() const noexcept { return static_cast<bool>(caller_.span_id()); }
  TraceId trace_id() const noexcept { return caller_.trace_id(); }
  SpanId span_id() const noexcept { return caller_.span_id(); }

 private:
  friend class Parent;
  friend struct detail::Propagation;
  SpanHandle caller_;  // ids, and what descendants inherit; of no logger
  detail::Buffer container_;
};

// A carrier made of two functions, which are called with texts. `get(name)` returns a text, a null pointer, or an optional
// text; `set(name, value)` must replace a header of that name. A blank value removes one: given only where `get` found some.
template <class Get, class Set>
struct HeaderAccess {
  HeaderAccess(Get getter, Set setter) : get(std::move(getter)), set(std::move(setter)) {}
  Get get;
  Set set;
};

namespace detail {

struct TraceHeaders {
  std::string traceparent = {};
  std::string tracestate = {};
  std::string baggage = {};
};

// Picks a trace's headers out of all that a carrier holds.
class TraceHeadersReader {
 public:
  void add(std::string_view name, std::string_view value);
  void add_line(std::string_view line);  // "Name: value"
  TraceHeaders take();

 private:
  TraceHeaders exact_;     // of names in lower case
  TraceHeaders variants_;  // of the same names in other cases
};

struct Propagation {
  // What to send for a span; `headers` comes with what the carrier holds. False: nothing.
  static bool send(const SpanRef& span, TraceHeaders& headers);
  static TraceContext receive(TraceHeaders headers);
};

void report_failed_carrier(const char* function) noexcept;  // by the exception in flight

bool is_header(std::string_view name, std::string_view wanted) noexcept;  // whatever the case
bool is_header_line(std::string_view line, std::string_view wanted) noexcept;
void read_curl_headers(const curl_slist* headers, TraceHeadersReader& reader);
void set_curl_header(curl_slist*& headers, const std::string& name, const std::string& value);

template <class T>
concept HeaderText = Stringish<T> || requires(const T& text) {
  std::string_view(text.data(), text.size());  // grpc::string_ref
};
template <HeaderText T>
std::string_view header_text(const T& text) {
  if constexpr (std::is_pointer_v<T>) {
    return text != nullptr ? std::string_view(text) : std::string_view();
  } else if constexpr (Stringish<T>) {
    return text;
  } else {
    return {text.data(), text.size()};
  }
}

template <class C>
using HeaderName = std::remove_cvref_t<decltype((*std::declval<const C&>().begin()).first)>;
template <class C>
using HeaderValue = std::remove_cvref_t<decltype((*std::declval<const C&>().begin()).second)>;
template <class C>  // or pair
using HeaderLine = std::remove_cvref_t<decltype(*std::declval<const C&>().begin())>;

template <class C>
concept HeaderPairs = RangeLike<C> && HeaderText<HeaderName<C>> && HeaderText<HeaderValue<C>>;
template <class C>
concept HeaderLines = RangeLike<C> && Stringish<HeaderLine<C>> && !Stringish<C>;
template <class C>
concept CurlHeaders = std::is_pointer_v<C> && std::convertible_to<C, const curl_slist*>;
template <class C>
concept HeaderGetter = requires(const C& get, const std::string& name) {
  get(name);
};
template <class C>
concept HeaderSetter = requires(C& set, const std::string& text) {
  set(text, text);
};
template <class C>
concept HeaderFunctions = requires(C& carrier, const std::string& text) {
  carrier.get(text);
  carrier.set(text, text);
};

// What holds texts of its own, and lets go of them.
template <class C>
concept OwnHeaders =
    !std::is_trivially_copyable_v<HeaderLine<C>> && requires(C & carrier, bool (*which)(const HeaderLine<C>&)) {
  erase_if(carrier, which);
};
template <class C>
concept OwnHeaderPairs = HeaderPairs<C> && OwnHeaders<C> && !std::is_trivially_copyable_v<HeaderName<C>> &&
                         !std::is_trivially_copyable_v<HeaderValue<C>>;
template <class C>
concept OwnHeaderLines = HeaderLines<C> && OwnHeaders<C>;

template <class Get>
void read_through(const Get& get, TraceHeadersReader& reader) {
  for (const std::string name : {"traceparent", "tracestate", "baggage"}) {
    const auto& value = get(name);
    if constexpr (requires { value.has_value(); }) {
      if (value.has_value()) reader.add(name, header_text(*value));
    } else {
      reader.add(name, header_text(value));
    }
  }
}

template <class Carrier>
TraceHeaders read_headers(const Carrier& carrier) {
  TraceHeadersReader reader;
  if constexpr (CurlHeaders<Carrier>) {
    read_curl_headers(carrier, reader);
  } else if constexpr (HeaderPairs<Carrier>) {
    for (const auto& header : carrier) reader.add(header_text(header.first), header_text(header.second));
  } else if constexpr (HeaderLines<Carrier>) {
    for (const auto& line : carrier) reader.add_line(header_text(line));
  } else if constexpr (HeaderFunctions<const Carrier>) {
    read_through(carrier.get, reader);
  } else if constexpr (HeaderGetter<Carrier>) {
    read_through(carrier, reader);
  }  // else: a function that only sets
  return reader.take();
}

// Blank: only takes the old ones out.
template <class Carrier>
void set_header(Carrier& carrier, const std::string& name, const std::string& value) {
  if constexpr (CurlHeaders<Carrier>) {
    set_curl_header(carrier, name, value);
  } else if constexpr (OwnHeaderPairs<Carrier>) {
    erase_if(carrier, [&](const auto& header) { return is_header(header_text(header.first), name); });
    if (value.empty()) return;
    if constexpr (requires { carrier.emplace_back(name, value); }) {
      carrier.emplace_back(name, value);
    } else {
      carrier.emplace(name, value);
    }
  } else if constexpr (OwnHeaderLines<Carrier>) {
    erase_if(carrier, [&](const auto& line) { return is_header_line(header_text(line), name); });
    if (!value.empty()) carrier.emplace_back(name + ": " + value);
  } else if constexpr (HeaderFunctions<Carrier>) {
    carrier.set(name, value);
  } else {
    carrier(name, value);
  }
}

template <class Carrier>
void inject(const SpanRef& span, Carrier& carrier) noexcept {
  if (span.core == nullptr) return;
  try {
    const TraceHeaders held = read_headers(carrier);
    TraceHeaders sent = held;
    if (!Propagation::send(span, sent)) return;
    const auto replace = [&](const char* name, const std::string& former, const std::string& value) {
      if (!former.empty() || !value.empty()) set_header(carrier, name, value);
    };
    replace("traceparent", held.traceparent, sent.traceparent);
    replace("tracestate", held.tracestate, sent.tracestate);
    replace("baggage", held.baggage, sent.baggage);
  } catch (...) {
    report_failed_carrier("inject_trace_context");
  }
}

}  // namespace detail

// What `extract_trace_context` reads, and what `inject_trace_context` writes to.
template <class C>
concept ReadableCarrier = detail::CurlHeaders<C> || detail::HeaderPairs<C> || detail::HeaderLines<C> ||
    detail::HeaderFunctions<const C> || detail::HeaderGetter<C>;
template <class C>
concept WritableCarrier = std::same_as<C, curl_slist*> || detail::OwnHeaderPairs<C> || detail::OwnHeaderLines<C> ||
    detail::HeaderFunctions<C> || detail::HeaderSetter<C>;

// Writes the current span of this thread into a request's headers.
//
// A `curl_slist*` may be null, and may point to another node afterwards: inject before you give it to a handle. It stays yours,
// to be freed with curl_slist_free_all. Where libcurl has no memory for a line, that line is missing.
template <class Carrier>
requires WritableCarrier<std::remove_reference_t<Carrier>>
void inject_trace_context(Carrier&& carrier) noexcept { detail::inject(current_span().ref(), carrier); }

template <ReadableCarrier Carrier>
TraceContext extract_trace_context(const Carrier& carrier) noexcept {
  try {
    return detail::Propagation::receive(detail::read_headers(carrier));
  } catch (...) {
    detail::report_failed_carrier("extract_trace_context");
    return {};
  }
}

template <class Carrier>
void SpanHandle::inject(Carrier&& carrier) const noexcept {
  static_assert(WritableCarrier<std::remove_reference_t<Carrier>>, "see trace/propagation.h for what carries headers");
  detail::inject(ref_, carrier);
}
template <class Carrier>
void Span::inject(Carrier&& carrier) const noexcept {
  handle().inject(carrier);
}

}  // namespace braintrust
