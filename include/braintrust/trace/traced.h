#pragma once

// Traced functions.
//
//   std::string fetch_user_data(const std::string& user_id) {
//     TRACED(user_id);                     // a span "fetch_user_data", type function, input {"user_id": …}
//     auto response = http_get("/api/users/" + user_id);
//     return TRACED_OUTPUT(response);      // its output; evaluates to `response`
//   }
//   auto fetch = braintrust::traced("fetch_user_data", fetch_user_data);   // or wrap any callable
//
//   TRACED(args…) ─▶ detail::TracedScope ─▶ Span (span.h) ─▶ the current logger, or nothing
//
// `TRACED` names variables; each becomes a member of the span's input. The span ends with the enclosing block. `TRACED_OUTPUT`
// goes to the innermost `TRACED` of the same function; `return TRACED_OUTPUT(std::move(rows));` moves a large local, as
// `return rows;` would. To choose a name, write `auto span = braintrust::start_span("name");`.
//
// Switches: define BRAINTRUST_NO_SHORT_MACROS to have only BRAINTRUST_TRACED and BRAINTRUST_TRACED_OUTPUT; define
// BRAINTRUST_DISABLE, for a whole program, to compile them to nothing: arguments are checked by the compiler, never evaluated.
//
// Threads: as `Span`. Errors: none. Cost: without a logger, one load and one branch.

#include <array>
#include <string_view>
#include <utility>

#include <braintrust/trace/span.h>

namespace braintrust {

namespace detail {

// The names in the text of a macro's arguments: "user_id, rows.at(1, 2)" → user_id | rows.at(1, 2). Splits at the commas that
// are outside brackets and quotes.
template <std::size_t Count>
consteval std::array<std::string_view, Count> argument_names(std::string_view text) {
  std::array<std::string_view, Count> names{};
  std::size_t begin = 0;
  std::size_t found = 0;
  int depth = 0;
  char quote = 0;
  for (std::size_t i = 0; i <= text.size() && found < Count; ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (quote != 0) {
      if (c == '\\') {
        ++i;
      } else if (c == quote) {
        quote = 0;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (c == ')' || c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && (depth == 0 || i == text.size())) {
      std::size_t end = i;
      while (begin < end && (text[begin] == ' ' || text[begin] == '\n')) ++begin;
      while (end > begin && (text[end - 1] == ' ' || text[end - 1] == '\n')) --end;
      names[found++] = text.substr(begin, end - begin);
      begin = i + 1;
    }
  }
  return names;
}

consteval std::size_t count_names(std::string_view text) {
  std::size_t count = 0;
  for (const std::string_view name : argument_names<64>(text)) count += name.empty() ? 0 : 1;
  return count;
}

// TRACED("name") is a misunderstanding.
template <std::size_t Count>
consteval bool are_variables(const std::array<std::string_view, Count>& names) {
  for (const std::string_view name : names) {
    if (name.starts_with('"')) return false;
  }
  return true;
}

inline constexpr std::string_view not_serializable = "<not serializable>";

// A value, or a note of why not: tracing must not decide what a function can take.
template <class T>
const auto& value_or_note(const T& value) {
  if constexpr (JsonValue<T>) {
    return value;
  } else {
    return not_serializable;
  }
}

class [[nodiscard]] TracedScope {
 public:
  explicit TracedScope(const Site& site) noexcept : span_(start(site)) {}
  template <class Input>
  TracedScope(const Site& site, Input&& input) noexcept : TracedScope(site) {
    if (span_) log_input(std::forward<Input>(input));
  }
  TracedScope(const TracedScope&) = delete;
  TracedScope& operator=(const TracedScope&) = delete;

 private:
  static Span start(const Site& site) noexcept { return tracing() ? start_traced(site) : Span(); }
  static Span start_traced(const Site& site) noexcept;
  template <class Input>
  void log_input(Input&& input) noexcept {
    try {
      span_.log({.input = input()});
    } catch (...) {  // a `to_json` of the user's threw: the span goes without input
      report_failed_input();
    }
  }
  static void report_failed_input() noexcept;

  Span span_;
};

// "name: writing a value as JSON threw; the span has no `field`".
void report_failed_value(std::string_view name, const char* field) noexcept;

// What `write()` makes, or nothing when it throws: a `to_json` of the user's must not decide what a function does.
template <class Write>
Field field_or_nothing(std::string_view name, const char* field, Write&& write) noexcept {
  try {
    return Field(Json(write()));
  } catch (...) {
    report_failed_value(name, field);
    return {};
  }
}

// Logs to the innermost TRACED span if it was started by this function.
void log_traced_output(Json&& output, const char* function) noexcept;
void report_failed_output(const char* function) noexcept;

template <class T>
T&& traced_output(T&& value, const char* function) {
  if (tracing()) {
    try {
      log_traced_output(Json(value_or_note(value)), function);
    } catch (...) {
      report_failed_output(function);
    }
  }
  return std::forward<T>(value);
}

// BRAINTRUST_DISABLE: takes the same arguments, does nothing.
struct DisabledScope {
  template <class... Ignored>
  explicit constexpr DisabledScope(Ignored&&...) noexcept {}
};
template <class T>
constexpr T&& disabled_output(T&& value, const char*) noexcept {
  return std::forward<T>(value);
}

// {"name": value, …} for the arguments of TRACED.
template <std::size_t Count, class... Values>
Json named_arguments(const std::array<std::string_view, Count>& names, const Values&... values) {
  static_assert(sizeof...(Values) == Count, "TRACED takes variables: TRACED(a, b); a comma between < and > needs parentheses");
  return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    return Json{Member(names[Index], value_or_note(values))...};
  }
  (std::index_sequence_for<Values...>{});
}

}  // namespace detail

// `fn`, traced: each call is a span called `name`, with the arguments as input (an array), the result as output, and an
// exception as error (type and message; it passes on).
template <class Fn>
auto traced(std::string name, Fn fn, SpanType type = SpanType::function, Site site = Site::current()) {
  return [name = std::move(name), fn = std::move(fn), type, site]<class... Args>(Args&&... args) mutable -> decltype(auto) {
    if (!detail::tracing()) return fn(std::forward<Args>(args)...);
    using Result = decltype(fn(std::forward<Args>(args)...));
    Field input = detail::field_or_nothing(name, "input", [&] { return Json::array({detail::value_or_note(args)...}); });
    Span span = start_span(name, {.type = type, .input = std::move(input)}, site);
    return span.run([&]() -> Result {
      if constexpr (std::is_void_v<Result>) {
        fn(std::forward<Args>(args)...);
      } else {
        Result result = fn(std::forward<Args>(args)...);
        span.log({.output = detail::field_or_nothing(name, "output", [&] { return Json(detail::value_or_note(result)); })});
        if constexpr (std::is_reference_v<Result>) {
          return static_cast<Result>(result);
        } else {
          return result;
        }
      }
    });
  };
}

}  // namespace braintrust

#define BRAINTRUST_DETAIL_CONCAT_(a, b) a##b
#define BRAINTRUST_DETAIL_CONCAT(a, b) BRAINTRUST_DETAIL_CONCAT_(a, b)

#if defined(BRAINTRUST_DISABLE)
#define BRAINTRUST_DETAIL_SCOPE ::braintrust::detail::DisabledScope
#define BRAINTRUST_DETAIL_OUTPUT ::braintrust::detail::disabled_output
#else
#define BRAINTRUST_DETAIL_SCOPE ::braintrust::detail::TracedScope
#define BRAINTRUST_DETAIL_OUTPUT ::braintrust::detail::traced_output
#endif

// The arguments arrive as text, too, before the preprocessor touches them.
#define BRAINTRUST_DETAIL_TRACED(text, ...)                                                                  \
  [[maybe_unused]] const BRAINTRUST_DETAIL_SCOPE BRAINTRUST_DETAIL_CONCAT(braintrust_traced_, __COUNTER__) { \
    ::braintrust::Site{__FILE__, __func__, __LINE__} __VA_OPT__(, [&] {                                      \
      static constexpr auto braintrust_names =                                                               \
          ::braintrust::detail::argument_names<::braintrust::detail::count_names(text)>(text);               \
      static_assert(::braintrust::detail::are_variables(braintrust_names),                                   \
                    "TRACED takes variables: TRACED(a, b); to name a span, write start_span(\"name\")");     \
      return ::braintrust::detail::named_arguments(braintrust_names, __VA_ARGS__);                           \
    })                                                                                                       \
  }

#define BRAINTRUST_TRACED(...) BRAINTRUST_DETAIL_TRACED(#__VA_ARGS__ __VA_OPT__(, ) __VA_ARGS__)
#define BRAINTRUST_TRACED_OUTPUT(...) BRAINTRUST_DETAIL_OUTPUT(__VA_ARGS__, __func__)

#if !defined(BRAINTRUST_NO_SHORT_MACROS)
#define TRACED(...) BRAINTRUST_DETAIL_TRACED(#__VA_ARGS__ __VA_OPT__(, ) __VA_ARGS__)
#define TRACED_OUTPUT(...) BRAINTRUST_DETAIL_OUTPUT(__VA_ARGS__, __func__)
#endif
