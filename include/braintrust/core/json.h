#pragma once

// `Json`: a JSON value as text, written once and never taken apart again.
//
//   Json point = {{"x", 1}, {"y", 2.5}, {"name", name}};       // braces with pairs are always an object
//   Json list = Json::array({1, "two", nullptr, {{"k", 3}}});  // arrays of mixed things
//   Json rows = std::vector<std::string>{"a", "b"};            // ranges are arrays, maps are objects
//   Json body = Json::raw(request_body);                       // text that is JSON already
//
// Takes strings (of every character type), numbers, bools, nullptr, optionals and smart pointers, ranges, maps, pairs and
// tuples, variants, atomics, ranges of std::byte (as base64), time points (ISO 8601, UTC) and durations (seconds), exceptions
// and error codes (what they say), enums and classes for which `to_string(e)` is found, unscoped enums (else as numbers),
// paths, `nlohmann::json` as it is, and every type of yours with a `to_json(value)` beside it that returns any of these:
//
//   Json to_json(const Point& p) { return {{"x", p.x}, {"y", p.y}}; }
//   nlohmann::json to_json(const Point& p) { return p; }  // where nlohmann's own two-argument `to_json` exists already
//
// Odd values (PROTO 9): invalid UTF-8 becomes U+FFFD; NaN and infinities become the strings "NaN", "Infinity", "-Infinity";
// what lies deeper than 200 levels becomes "<max depth exceeded>". Numbers read back the same and have the
// fewest digits for that, but whole numbers are written in full.
// `Json::raw` is checked later, on the background thread; text that is no JSON is then kept as a string.
//
// Threads: a plain value. Errors: none of its own; what your `to_json` throws passes through. Cost: one pass over the value
// into a recycled buffer (buffer.h). Source: design.md section 2.

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
struct Error;

namespace detail {

// Found by argument-dependent lookup only: what is called so elsewhere and happens to be declared before means something else.
void to_json();
void to_string();

inline constexpr int json_depth_cap = 200;

// Writes one JSON text into a buffer. `depth` counts the containers that are open around the next value.
struct JsonWriter {
  Buffer& out;
  int depth = 0;
  int deepest = 0;   // the most containers that were open at once
  bool raw = false;  // text of `Json::raw` went in: to be checked before it is sent

  void null() { out.append("null"); }
  void boolean(bool value) { out.append(value ? std::string_view("true") : std::string_view("false")); }
  void integer(long long value);
  void integer(unsigned long long value);
  void number(double value);
  void number(float value);
  void string(std::string_view text);
  void base64(std::string_view bytes);
  void text(const char8_t* text, std::size_t size);
  void text(const char16_t* text, std::size_t size);
  void text(const char32_t* text, std::size_t size);
  void text(const wchar_t* text, std::size_t size);
  void text(const char* text, std::size_t size) { string({text, size}); }
  // `count` times `numerator / denominator` seconds since 1970.
  void time(long long count, long long numerator, long long denominator);
  void time(long double count, long double numerator, long double denominator);
  // Text from another JSON library, valid and of unknown depth.
  void foreign(std::string_view json);
  void too_deep() { string("<max depth exceeded>"); }
  void key(std::string_view name);
  // Makes a key of the value that was written since the buffer had `start` bytes.
  void make_key(std::size_t start);
};

template <class T>
concept Stringish = std::convertible_to<const T&, std::string_view> && !std::same_as<T, std::nullptr_t>;
template <class T>
concept CustomJson = requires(const T& value) {
  to_json(value);
};
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
concept ReferenceLike = requires(const T& value) {
  { value.get() } -> std::same_as<typename T::type&>;
};
template <class T>
concept AtomicLike = requires(const T& value) {
  value.load();
  value.is_lock_free();
};
template <class T>
concept VariantLike = requires(const T& value) {
  value.valueless_by_exception();
  value.index();
};
template <class T>
concept ExceptionLike = requires(const T& value) {
  { value.what() } -> std::convertible_to<const char*>;
};
template <class T>
concept ErrorCodeLike = requires(const T& value) {
  { value.message() } -> std::convertible_to<std::string_view>;
  value.category();
};
template <class T>
concept RangeLike = requires(const T& value) {
  value.begin() != value.end();
  *value.begin();
};
template <class T>
concept MapLike = RangeLike<T> && requires {
  typename T::mapped_type;
};
template <class T>
concept Contiguous = RangeLike<T> && requires(const T& value) {
  value.data();
  value.size();
};
template <class T>
concept TupleLike = requires {
  std::tuple_size<T>::value;
};
template <class T>
concept Named = requires(const T& value) {
  { to_string(value) } -> std::convertible_to<std::string_view>;
};
template <class T>
concept TimePoint = requires(const T& value) {
  T::clock::to_time_t(typename T::clock::time_point());
  value.time_since_epoch().count();
};
template <class T>
concept Duration = requires(const T& value) {
  value.count();
  T::period::num;
};
template <class T>
concept Character = std::same_as<T, char> || std::same_as<T, char8_t> || std::same_as<T, char16_t> ||
    std::same_as<T, char32_t> || std::same_as<T, wchar_t>;

// What a type is written as.
enum class Shape : unsigned char {
  none,
  json,
  custom,
  null,
  boolean,
  character,
  integer,
  real,
  c_string,
  string,
  characters,       // a contiguous range of characters
  character_array,  // a C array of characters, up to its terminator
  byte_array,
  array,
  foreign,
  path,
  named,
  number_enum,
  exception,
  error_code,
  error,
  time_point,
  duration,
  pointee,
  reference,
  atomic,
  variant,
  bytes,
  map,
  range,
  tuple
};

template <class T>
constexpr Shape class_shape() {
  if constexpr (NlohmannLike<T>)
    return Shape::foreign;
  else if constexpr (Stringish<T>)
    return Shape::string;
  else if constexpr (PathLike<T>)
    return Shape::path;
  else if constexpr (std::same_as<T, Error>)
    return Shape::error;
  else if constexpr (ExceptionLike<T>)
    return Shape::exception;
  else if constexpr (ErrorCodeLike<T>)
    return Shape::error_code;
  else if constexpr (TimePoint<T>)
    return Shape::time_point;
  else if constexpr (Duration<T>)
    return Shape::duration;
  else if constexpr (OptionalLike<T> || PointerLike<T>)
    return Shape::pointee;
  else if constexpr (ReferenceLike<T>)
    return Shape::reference;
  else if constexpr (AtomicLike<T>)
    return Shape::atomic;
  else if constexpr (VariantLike<T>)
    return Shape::variant;
  else if constexpr (MapLike<T>)
    return Shape::map;
  else if constexpr (RangeLike<T>) {
    using Element = std::remove_cvref_t<decltype(*std::declval<const T&>().begin())>;
    if constexpr (Contiguous<T> && std::same_as<Element, std::byte>)
      return Shape::bytes;
    else if constexpr (Contiguous<T> && Character<Element>)
      return Shape::characters;
    else
      return Shape::range;
  } else if constexpr (TupleLike<T>)
    return Shape::tuple;
  else if constexpr (Named<T>)
    return Shape::named;
  else
    return Shape::none;
}

template <class T>
constexpr Shape array_shape() {
  using Element = std::remove_extent_t<T>;
  if constexpr (Character<Element>)
    return Shape::character_array;
  else if constexpr (std::same_as<Element, std::byte>)
    return Shape::byte_array;
  else
    return Shape::array;
}

template <class T>
constexpr Shape shape_of() {
  if constexpr (std::same_as<T, Json>)
    return Shape::json;
  else if constexpr (CustomJson<T>)
    return Shape::custom;
  else if constexpr (std::same_as<T, std::nullptr_t>)
    return Shape::null;
  else if constexpr (std::same_as<T, bool>)
    return Shape::boolean;
  else if constexpr (Character<T>)
    return Shape::character;
  else if constexpr (std::is_integral_v<T>)
    return Shape::integer;
  else if constexpr (std::is_floating_point_v<T>)
    return Shape::real;
  else if constexpr (std::is_bounded_array_v<T>)
    return array_shape<T>();
  else if constexpr (std::is_pointer_v<T>)
    return Stringish<T> ? Shape::c_string : Shape::none;
  else if constexpr (std::is_enum_v<T>) {
    if constexpr (Named<T>)
      return Shape::named;
    else
      return std::is_convertible_v<T, std::underlying_type_t<T>> ? Shape::number_enum : Shape::none;
  } else if constexpr (std::is_class_v<T>)
    return class_shape<T>();
  else
    return Shape::none;
}

template <class T>
inline constexpr Shape shape = shape_of<T>();

// An alternative such as std::monostate: nothing in it, null.
template <class T>
inline constexpr bool blank_alternative = std::is_empty_v<T>&& shape<T> == Shape::none;

template <class...>
struct Types {};

// Whether a type and all that it holds can be written. `Above` are the types that hold it, for those that hold themselves.
template <class T, class... Above>
constexpr bool writable(Types<Above...>);

template <class Above, template <class...> class Variant, class... Alternatives>
constexpr bool alternatives_writable(const Variant<Alternatives...>*) {
  return ((blank_alternative<Alternatives> || writable<Alternatives>(Above{})) && ...);
}
template <class Tuple, class Above, std::size_t... Index>
constexpr bool elements_writable(std::index_sequence<Index...>) {
  return (writable<std::remove_cvref_t<typename std::tuple_element<Index, Tuple>::type>>(Above{}) && ...);
}

template <class T, class... Above>
constexpr bool writable(Types<Above...>) {
  using Here = Types<T, Above...>;
  if constexpr ((std::same_as<T, Above> || ...)) {
    return true;
  } else if constexpr (shape<T> == Shape::custom) {
    return writable<std::remove_cvref_t<decltype(to_json(std::declval<const T&>()))>>(Here{});
  } else if constexpr (shape<T> == Shape::pointee) {
    return writable<std::remove_cvref_t<decltype(*std::declval<const T&>())>>(Here{});
  } else if constexpr (shape<T> == Shape::reference) {
    return writable<std::remove_cvref_t<typename T::type>>(Here{});
  } else if constexpr (shape<T> == Shape::atomic) {
    return writable<std::remove_cvref_t<decltype(std::declval<const T&>().load())>>(Here{});
  } else if constexpr (shape<T> == Shape::variant) {
    return alternatives_writable<Here>(static_cast<const T*>(nullptr));
  } else if constexpr (shape<T> == Shape::map) {
    return writable<std::remove_cvref_t<typename T::key_type>>(Here{}) &&
           writable<std::remove_cvref_t<typename T::mapped_type>>(Here{});
  } else if constexpr (shape<T> == Shape::range) {
    if constexpr (requires { typename T::value_type; }) {  // not the proxy of vector<bool>
      return writable<std::remove_cvref_t<typename T::value_type>>(Here{});
    } else {
      return writable<std::remove_cvref_t<decltype(*std::declval<const T&>().begin())>>(Here{});
    }
  } else if constexpr (shape<T> == Shape::array) {
    return writable<std::remove_cv_t<std::remove_extent_t<T>>>(Here{});
  } else if constexpr (shape<T> == Shape::tuple) {
    return elements_writable<T, Here>(std::make_index_sequence<std::tuple_size<T>::value>{});
  } else {
    return shape<T> != Shape::none;
  }
}

// What `Json` can be made of.
template <class T>
concept JsonValue = writable<T>(Types<>{});

template <class T>
void write_json(JsonWriter& writer, const T& value);

struct Member;

// A value that is written a moment later, before the expression it stands in ends.
class ValueRef {
 public:
  template <JsonValue T>
  ValueRef(const T& value)
      : object_(&value),
        write_([](JsonWriter& writer, const ValueRef& self) { write_json(writer, *static_cast<const T*>(self.object_)); }) {}
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
  requires(!std::same_as<T, Json>) Json(const T& value) {
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
  bool unchecked() const noexcept { return raw_ && !text_.empty(); }
  // How many containers its text nests; that from `raw` is not counted.
  int depth() const noexcept { return text_.empty() ? 0 : depth_; }

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
  write_nested(writer, '[', ']',
               [&] { (((Index == 0 ? void() : writer.out.append(',')), write_json(writer, get<Index>(value))), ...); });
}

template <class Map>
void write_map(JsonWriter& writer, const Map& map) {
  write_nested(writer, '{', '}', [&] {
    bool first = true;
    for (const auto& [key, mapped] : map) {
      if (!first) writer.out.append(',');
      first = false;
      using Key = std::remove_cvref_t<decltype(key)>;
      if constexpr (shape<Key> == Shape::string) {
        writer.key(key);
      } else {  // the text of anything else is the key
        const std::size_t start = writer.out.size();
        write_json(writer, key);
        writer.make_key(start);
      }
      write_json<std::remove_cvref_t<typename Map::mapped_type>>(writer, mapped);
    }
  });
}

template <class Character>
std::size_t length_until_zero(const Character* text, std::size_t most) {
  std::size_t length = 0;
  while (length < most && text[length] != Character()) ++length;
  return length;
}

template <class T>
void write_json(JsonWriter& writer, const T& value) {
  constexpr Shape as = shape<T>;
  static_assert(as != Shape::none, "no way to write this type as JSON");
  if constexpr (as == Shape::json) {
    write_text(writer, value);
  } else if constexpr (as == Shape::custom) {
    write_json(writer, to_json(value));
  } else if constexpr (as == Shape::null) {
    writer.null();
  } else if constexpr (as == Shape::boolean) {
    writer.boolean(value);
  } else if constexpr (as == Shape::character) {
    writer.text(&value, 1);
  } else if constexpr (as == Shape::integer) {
    if constexpr (std::is_signed_v<T>) {
      writer.integer(static_cast<long long>(value));
    } else {
      writer.integer(static_cast<unsigned long long>(value));
    }
  } else if constexpr (as == Shape::real) {
    if constexpr (std::same_as<T, float>) {
      writer.number(value);
    } else {
      writer.number(static_cast<double>(value));
    }
  } else if constexpr (as == Shape::c_string) {
    value == nullptr ? writer.null() : writer.string(value);
  } else if constexpr (as == Shape::string) {
    writer.string(value);
  } else if constexpr (as == Shape::characters) {
    writer.text(value.data(), value.size());
  } else if constexpr (as == Shape::character_array) {
    writer.text(value, length_until_zero(value, std::extent_v<T>));
  } else if constexpr (as == Shape::byte_array) {
    writer.base64(std::string_view(reinterpret_cast<const char*>(value), std::extent_v<T>));
  } else if constexpr (as == Shape::array) {
    write_array(writer, &value[0], &value[0] + std::extent_v<T>);
  } else if constexpr (as == Shape::foreign) {
    value.is_discarded() ? writer.null() : writer.foreign(value.dump(-1, ' ', false, T::error_handler_t::replace));
  } else if constexpr (as == Shape::path) {
    writer.string(value.generic_string());
  } else if constexpr (as == Shape::named) {
    writer.string(to_string(value));
  } else if constexpr (as == Shape::number_enum) {
    write_json(writer, +value);
  } else if constexpr (as == Shape::exception) {
    writer.string(value.what());
  } else if constexpr (as == Shape::error_code) {
    writer.string(value.message());
  } else if constexpr (as == Shape::error) {
    writer.string(value.message);
  } else if constexpr (as == Shape::time_point) {
    using Count = typename T::rep;
    using Wide = std::conditional_t<std::is_integral_v<Count>, long long, long double>;
    writer.time(static_cast<Wide>(value.time_since_epoch().count()), static_cast<Wide>(T::period::num),
                static_cast<Wide>(T::period::den));
  } else if constexpr (as == Shape::duration) {
    writer.number(static_cast<double>(value.count()) * T::period::num / T::period::den);
  } else if constexpr (as == Shape::pointee) {
    if (value) {
      write_json<std::remove_cvref_t<decltype(*value)>>(writer, *value);
    } else {
      writer.null();
    }
  } else if constexpr (as == Shape::reference) {
    write_json(writer, value.get());
  } else if constexpr (as == Shape::atomic) {
    write_json(writer, value.load());
  } else if constexpr (as == Shape::variant) {
    if (value.valueless_by_exception()) return writer.null();
    visit(
        [&]<class Alternative>(const Alternative& alternative) {
          if constexpr (blank_alternative<Alternative>) {
            writer.null();
          } else {
            write_json(writer, alternative);
          }
        },
        value);
  } else if constexpr (as == Shape::bytes) {
    writer.base64(std::string_view(reinterpret_cast<const char*>(value.data()), value.size()));
  } else if constexpr (as == Shape::map) {
    write_map(writer, value);
  } else if constexpr (as == Shape::range) {
    write_array(writer, value.begin(), value.end());
  } else {
    write_tuple(writer, value, std::make_index_sequence<std::tuple_size<T>::value>{});
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
