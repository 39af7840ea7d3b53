#pragma once

// `Json`: a JSON value as text, written once and never taken apart again.
//
//   Json point = {{"x", 1}, {"y", 2.5}, {"name", name}};       // braces with pairs are always an object
//   Json list = Json::array({1, "two", nullptr, {{"k", 3}}});  // arrays of mixed things
//   Json rows = std::vector<std::string>{"a", "b"};            // ranges are arrays, maps are objects
//   Json body = Json::raw(request_body);                       // text that is JSON already
//
// Takes strings, numbers, bools, nullptr, optionals and smart pointers, ranges, maps, pairs and tuples, variants, bytes (as
// base64), time points (ISO 8601, UTC) and durations (seconds), enums for which `to_string(e)` is found, `nlohmann::json` as it
// is, and every type of yours with a `to_json(value)` beside it that returns any of these:
//
//   Json to_json(const Point& p) { return {{"x", p.x}, {"y", p.y}}; }
//
// Odd values (PROTO 9): invalid UTF-8 becomes U+FFFD; NaN and infinities become the strings "NaN", "Infinity", "-Infinity"; what
// lies deeper than 200 levels becomes "<max depth exceeded>". Numbers are the shortest text that reads back the same.
// `Json::raw` is checked later, on the background thread; text that is no JSON is then kept as a string.
//
// Threads: a plain value. Errors: none of its own; what your `to_json` throws passes through. Cost: one pass over the value into
// a recycled buffer (buffer.h). Source: design.md section 2.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <type_traits>
#include <utility>

#include <braintrust/core/buffer.h>

namespace braintrust {

class Json;

namespace detail {

inline constexpr int json_depth_cap = 200;

// Writes one JSON text into a buffer. `depth` counts the containers that are open around the next value.
struct JsonWriter {
  Buffer& out;
  int depth = 0;
  int deepest = 0;    // the most containers that were open at once
  bool raw = false;   // text of `Json::raw` went in: to be checked before it is sent

  void null() { out.append("null"); }
  void boolean(bool value) { out.append(value ? std::string_view("true") : std::string_view("false")); }
  void integer(long long value);
  void integer(unsigned long long value);
  void number(double value);
  void number(float value);
  void string(std::string_view text);
  void base64(std::string_view bytes);
  void time_since_epoch(long long nanoseconds);
  void too_deep() { string("<max depth exceeded>"); }
  void key(std::string_view name) {
    string(name);
    out.append(':');
  }
};

template <class T>
concept Stringish = std::convertible_to<const T&, std::string_view> && !std::same_as<T, std::nullptr_t>;
template <class T>
concept CustomJson = requires(const T& value) { to_json(value); };
template <class T>
concept NlohmannLike = requires(const T& value) {
  value.dump(-1, ' ', false, T::error_handler_t::replace);
  value.is_discarded();
};
template <class T>
concept PathLike = requires(const T& value) {
  value.generic_string();
  value.native();
};
template <class T>
concept OptionalLike = requires(const T& value) {
  static_cast<bool>(value.has_value());
  *value;
};
template <class T>
concept PointerLike = requires(const T& value) {
  static_cast<bool>(value);
  *value;
  value.get();
};
template <class T>
concept VariantLike = requires(const T& value) {
  value.valueless_by_exception();
  value.index();
};
template <class T>
concept RangeLike = requires(const T& value) {
  value.begin() != value.end();
  *value.begin();
};
template <class T>
concept MapLike = RangeLike<T> && requires { typename T::mapped_type; };
template <class T>
concept ByteRange = RangeLike<T> && requires(const T& value) {
  value.data();
  requires std::same_as<std::remove_cvref_t<decltype(*value.begin())>, std::byte>;
};
template <class T>
concept TupleLike = requires { std::tuple_size<T>::value; };
template <class T>
concept NamedEnum = std::is_enum_v<T> && requires(T value) {
  { to_string(value) } -> std::convertible_to<std::string_view>;
};
template <class T>
concept TimePoint = requires(const T& value) {
  T::clock::to_time_t(value);
  value.time_since_epoch().count();
};
template <class T>
concept Duration = requires(const T& value) {
  value.count();
  T::period::num;
};

// What `Json` can be made of.
template <class T>
concept JsonValue = std::same_as<T, Json> || std::same_as<T, std::nullptr_t> || std::is_arithmetic_v<T> || Stringish<T> || CustomJson<T> ||
                    NlohmannLike<T> || PathLike<T> || OptionalLike<T> || PointerLike<T> || VariantLike<T> || RangeLike<T> ||
                    TupleLike<T> || NamedEnum<T> || TimePoint<T> || Duration<T> || std::is_bounded_array_v<T>;

template <class T>
void write_json(JsonWriter& writer, const T& value);

struct Member;

// A value that is written a moment later, before the expression it stands in ends.
class ValueRef {
 public:
  template <JsonValue T>
  ValueRef(const T& value) : object_(&value), write_([](JsonWriter& writer, const ValueRef& self) {
    write_json(writer, *static_cast<const T*>(self.object_));
  }) {}
  ValueRef(std::initializer_list<Member> members);

  void write(JsonWriter& writer) const { write_(writer, *this); }

 private:
  const void* object_;
  std::size_t count_ = 0;
  void (*write_)(JsonWriter&, const ValueRef&);
};

struct Member {
  Member(std::string_view member_key, ValueRef member_value) : key(member_key), value(member_value) {}
  std::string_view key;
  ValueRef value;
};

void write_object(JsonWriter& writer, const Member* members, std::size_t count);

inline ValueRef::ValueRef(std::initializer_list<Member> members)
    : object_(members.begin()), count_(members.size()), write_([](JsonWriter& writer, const ValueRef& self) {
        write_object(writer, static_cast<const Member*>(self.object_), self.count_);
      }) {}

// Writes a container's brackets around what `body` writes, unless that would nest too deep.
template <class Body>
void write_nested(JsonWriter& writer, char open, char close, Body&& body) {
  if (writer.depth >= json_depth_cap) return writer.too_deep();
  ++writer.depth;
  if (writer.depth > writer.deepest) writer.deepest = writer.depth;
  writer.out.append(open);
  body();
  writer.out.append(close);
  --writer.depth;
}

}  // namespace detail

class Json {
 public:
  Json() = default;  // null
  template <detail::JsonValue T>
    requires(!std::same_as<T, Json>)
  Json(const T& value) {
    detail::JsonWriter writer{text_};
    detail::write_json(writer, value);
    keep_facts(writer);
  }
  Json(std::initializer_list<detail::Member> members) {
    detail::JsonWriter writer{text_};
    detail::write_object(writer, members.begin(), members.size());
    keep_facts(writer);
  }

  static Json array(std::initializer_list<detail::ValueRef> elements);

  // `text` must be one JSON value; it is copied as it is.
  static Json raw(std::string_view text);

  // The JSON text: `{"x":1}`. Valid until this value changes or ends.
  std::string_view text() const noexcept { return text_.empty() ? std::string_view("null") : text_.view(); }

  // Compares texts: {"a":1} and { "a": 1 } differ.
  friend bool operator==(const Json& left, const Json& right) noexcept { return left.text() == right.text(); }

  // Part of it came from `raw` and has not been checked.
  bool unchecked() const noexcept { return raw_; }
  int depth() const noexcept { return depth_; }

 private:
  void keep_facts(const detail::JsonWriter& writer) noexcept {
    depth_ = static_cast<std::uint16_t>(writer.deepest);
    raw_ = writer.raw;
  }

  detail::Buffer text_;
  std::uint16_t depth_ = 0;
  bool raw_ = false;
};

namespace detail {

inline void write_text(JsonWriter& writer, const Json& value) {
  if (writer.depth + value.depth() > json_depth_cap) return writer.too_deep();
  if (writer.depth + value.depth() > writer.deepest) writer.deepest = writer.depth + value.depth();
  writer.raw |= value.unchecked();
  writer.out.append(value.text());
}

template <class Iterator, class End>
void write_array(JsonWriter& writer, Iterator element, End end) {
  write_nested(writer, '[', ']', [&] {
    for (bool first = true; element != end; ++element, first = false) {
      if (!first) writer.out.append(',');
      // `auto&&` and a typed call: proxies such as vector<bool>'s become what they stand for.
      if constexpr (requires { typename Iterator::value_type; }) {
        write_json<typename Iterator::value_type>(writer, *element);
      } else {
        write_json(writer, *element);
      }
    }
  });
}

template <class Tuple, std::size_t... Index>
void write_tuple(JsonWriter& writer, const Tuple& value, std::index_sequence<Index...>) {
  using std::get;
  write_nested(writer, '[', ']', [&] {
    (((Index == 0 ? void() : writer.out.append(',')), write_json(writer, get<Index>(value))), ...);
  });
}

template <class T>
void write_json(JsonWriter& writer, const T& value) {
  if constexpr (std::same_as<T, Json>) {
    write_text(writer, value);
  } else if constexpr (CustomJson<T>) {
    write_json(writer, to_json(value));
  } else if constexpr (std::same_as<T, std::nullptr_t>) {
    writer.null();
  } else if constexpr (std::same_as<T, bool>) {
    writer.boolean(value);
  } else if constexpr (std::same_as<T, char>) {
    writer.string(std::string_view(&value, 1));
  } else if constexpr (std::is_integral_v<T>) {
    if constexpr (std::is_signed_v<T>) {
      writer.integer(static_cast<long long>(value));
    } else {
      writer.integer(static_cast<unsigned long long>(value));
    }
  } else if constexpr (std::same_as<T, float>) {
    writer.number(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    writer.number(static_cast<double>(value));
  } else if constexpr (std::is_pointer_v<T> && Stringish<T>) {
    value == nullptr ? writer.null() : writer.string(value);
  } else if constexpr (Stringish<T>) {
    writer.string(value);
  } else if constexpr (NlohmannLike<T>) {
    writer.out.append(value.dump(-1, ' ', false, T::error_handler_t::replace));
  } else if constexpr (PathLike<T>) {
    writer.string(value.generic_string());
  } else if constexpr (NamedEnum<T>) {
    writer.string(to_string(value));
  } else if constexpr (TimePoint<T>) {
    using Period = typename T::duration::period;
    // Whole and fractional seconds apart, so that no unit overflows.
    const auto count = value.time_since_epoch().count();
    const auto nanoseconds = static_cast<long long>(static_cast<long double>(count) * Period::num * 1e9L / Period::den);
    writer.time_since_epoch(nanoseconds);
  } else if constexpr (Duration<T>) {
    writer.number(static_cast<double>(value.count()) * T::period::num / T::period::den);
  } else if constexpr (OptionalLike<T> || PointerLike<T>) {
    if (value) {
      write_json(writer, *value);
    } else {
      writer.null();
    }
  } else if constexpr (VariantLike<T>) {
    if (value.valueless_by_exception()) return writer.null();
    visit([&](const auto& alternative) { write_json(writer, alternative); }, value);
  } else if constexpr (ByteRange<T>) {
    writer.base64(std::string_view(reinterpret_cast<const char*>(value.data()), value.size()));
  } else if constexpr (MapLike<T>) {
    write_nested(writer, '{', '}', [&] {
      bool first = true;
      for (const auto& [key, mapped] : value) {
        if (!first) writer.out.append(',');
        first = false;
        using Key = std::remove_cvref_t<decltype(key)>;
        if constexpr (Stringish<Key>) {
          writer.key(key);
        } else if constexpr (NamedEnum<Key>) {
          writer.key(to_string(key));
        } else {  // numbers and bools: their text is the key
          writer.out.append('"');
          write_json(writer, key);
          writer.out.append("\":");
        }
        write_json(writer, mapped);
      }
    });
  } else if constexpr (RangeLike<T>) {
    write_array(writer, value.begin(), value.end());
  } else if constexpr (std::is_bounded_array_v<T>) {
    write_array(writer, &value[0], &value[0] + std::extent_v<T>);
  } else {
    static_assert(TupleLike<T>, "no way to write this type as JSON");
    write_tuple(writer, value, std::make_index_sequence<std::tuple_size_v<T>>{});
  }
}

}  // namespace detail

inline Json Json::array(std::initializer_list<detail::ValueRef> elements) {
  Json result;
  detail::JsonWriter writer{result.text_};
  detail::write_nested(writer, '[', ']', [&] {
    bool first = true;
    for (const detail::ValueRef& element : elements) {
      if (!first) writer.out.append(',');
      first = false;
      element.write(writer);
    }
  });
  result.keep_facts(writer);
  return result;
}

inline Json Json::raw(std::string_view text) {
  Json result;
  result.text_.append(text.empty() ? std::string_view("null") : text);
  result.raw_ = true;
  return result;
}

}  // namespace braintrust
