// `Json`: what each type is written as, odd values, and that what is written is what nlohmann::json reads.

#include <braintrust/core/json.h>

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <braintrust/core/error.h>

// A function of that name for something else, found by ordinary lookup if anything is.
inline std::string to_json(const std::string&) { return "not this one"; }

namespace shop {

enum class Color { red, green };
std::string_view to_string(Color color) { return color == Color::red ? "red" : "green"; }
enum class Nameless { one = 1 };
enum Plain { zero, seven = 7 };
enum Small : unsigned char { sixty_five = 65 };

struct Version {
  int major = 0, minor = 0;
};
std::string to_string(const Version& v) { return std::to_string(v.major) + "." + std::to_string(v.minor); }

struct Point {
  int x = 0, y = 0;
};
braintrust::Json to_json(const Point& point) { return {{"x", point.x}, {"y", point.y}}; }

struct Path {
  std::vector<Point> points = {};
};
const std::vector<Point>& to_json(const Path& path) { return path.points; }

struct Tree {
  std::vector<Tree> children = {};
};
const std::vector<Tree>& to_json(const Tree& tree) { return tree.children; }

struct Nested : std::vector<Nested> {};

struct Broken {};
braintrust::Json to_json(const Broken&) { throw std::runtime_error("no"); }

struct Plane {
  std::string name = {};
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Plane, name)
};
nlohmann::json to_json(const Plane& plane) { return plane; }

struct OnlyForNlohmann {
  int x = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(OnlyForNlohmann, x)
};

struct Silent {
  int x = 0;
};
struct Void {};
[[maybe_unused]] void to_json(const Void&) {}
struct Order {
  int number = 0;
  friend bool operator<(const Order& a, const Order& b) { return a.number < b.number; }
};
std::string to_json(const Order& order) { return "order-" + std::to_string(order.number); }

}  // namespace shop

namespace braintrust {
namespace {

using detail::JsonValue;
using Tree = nlohmann::json;

std::string text(const Json& value) { return std::string(value.text()); }
Tree tree(const Json& value) { return Tree::parse(value.text()); }

// --- Which types ---

static_assert(JsonValue<int> && JsonValue<std::string> && JsonValue<char[6]> && JsonValue<std::nullptr_t> &&
              JsonValue<const char*>);
static_assert(JsonValue<std::vector<std::map<std::string, std::optional<double>>>>);
static_assert(JsonValue<shop::Point> && JsonValue<shop::Path> && JsonValue<shop::Tree> && JsonValue<shop::Nested>);
static_assert(JsonValue<std::variant<std::monostate, int, std::vector<shop::Point>>>);
static_assert(JsonValue<std::unique_ptr<shop::Point>> && JsonValue<std::reference_wrapper<const int>>);

static_assert(!JsonValue<int*> && !JsonValue<const int*> && !JsonValue<void*> && !JsonValue<shop::Point*>);
static_assert(!JsonValue<int (*)()> && !JsonValue<int(int)> && !JsonValue<int shop::Point::*>);
static_assert(!JsonValue<shop::Silent> && !JsonValue<shop::Nameless> && !JsonValue<shop::OnlyForNlohmann> &&
              !JsonValue<shop::Void>);
static_assert(!JsonValue<std::monostate> && !JsonValue<std::thread> && !JsonValue<std::byte> && !JsonValue<void>);
// What holds something that cannot be written cannot be written: said by the concept, not by an error inside.
static_assert(!JsonValue<std::vector<int*>> && !JsonValue<std::vector<shop::Silent>> &&
              !JsonValue<std::optional<shop::Silent>>);
static_assert(!JsonValue<std::map<std::string, shop::Silent>> && !JsonValue<std::map<shop::Silent, int>>);
static_assert(!JsonValue<std::tuple<int, shop::Silent>> && !JsonValue<std::pair<std::thread, int>>);
static_assert(!JsonValue<std::variant<int, shop::Silent>> && !JsonValue<std::shared_ptr<void>> && !JsonValue<int* [3]>);
static_assert(!JsonValue<std::unique_ptr<int*>> && !JsonValue<std::atomic<int*>>);

// A list of two texts is never taken for a pair of iterators, nor for a list.
template <class T>
concept MadeOf = requires(T value) {
  Json(value);
};
static_assert(!MadeOf<shop::Silent> && MadeOf<shop::Point>);

TEST(Json, WritesEachKindOfScalar) {
  EXPECT_EQ(text(Json()), "null");
  EXPECT_EQ(text(nullptr), "null");
  EXPECT_EQ(text(true), "true");
  EXPECT_EQ(text(false), "false");
  EXPECT_EQ(text(0), "0");
  EXPECT_EQ(text(-7), "-7");
  EXPECT_EQ(text('c'), R"("c")");
  EXPECT_EQ(text("literal"), R"("literal")");
  EXPECT_EQ(text(std::string("text")), R"("text")");
  EXPECT_EQ(text(std::string_view("view")), R"("view")");
  EXPECT_EQ(text(std::string_view()), R"("")");
  EXPECT_EQ(text(""), R"("")");
  char mutable_text[] = "abc";
  char* pointer = mutable_text;
  EXPECT_EQ(text(pointer), R"("abc")");
  EXPECT_EQ(text(static_cast<const char*>(nullptr)), "null");
  EXPECT_EQ(text(static_cast<char*>(nullptr)), "null");
}

TEST(Json, WritesIntegersOfAllWidthsAtTheirLimits) {
  const auto limits = []<class T>(T) {
    for (const T value : {std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), T(1)}) {
      EXPECT_EQ(text(value), std::to_string(value));
    }
  };
  limits(std::int8_t());
  limits(std::uint8_t());
  limits(std::int16_t());
  limits(std::uint16_t());
  limits(std::int32_t());
  limits(std::uint32_t());
  limits(std::int64_t());
  limits(std::uint64_t());
  limits(0L);
  limits(0UL);
  limits(0LL);
  limits(0ULL);
}

TEST(Json, WritesNumbersWithTheFewestDigits) {
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(0.1F), "0.1");
  EXPECT_EQ(text(0.7), "0.7");
  EXPECT_EQ(text(1.0), "1");
  EXPECT_EQ(text(-2.5), "-2.5");
  EXPECT_EQ(text(-0.0), "-0");
  EXPECT_EQ(text(0.0F), "0");
  EXPECT_EQ(text(100000.0), "100000");
  EXPECT_EQ(text(1e100), "1e+100");
  EXPECT_EQ(text(0.000001), "0.000001");
  EXPECT_EQ(text(-0.000001), "-0.000001");
  EXPECT_EQ(text(1e-7), "1e-07");
  EXPECT_EQ(text(5e-324), "5e-324");
  EXPECT_EQ(text(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(text(1763800000.123456), "1763800000.123456");
  EXPECT_EQ(text(0.5L), "0.5");
  EXPECT_EQ(text(16777217.0F), "16777216");
}

TEST(Json, NumbersReadBackBitEqual) {
  std::mt19937_64 random(42);
  const auto check = [](auto value) {
    using Number = decltype(value);
    using Bits = std::conditional_t<sizeof(Number) == 8, std::uint64_t, std::uint32_t>;
    const Json json = value;
    const std::string written = text(json);
    Number read = 0;
    if constexpr (sizeof(Number) == 8) {
      read = std::strtod(written.c_str(), nullptr);
    } else {
      read = std::strtof(written.c_str(), nullptr);
      ASSERT_EQ(std::bit_cast<Bits>(static_cast<Number>(std::strtod(written.c_str(), nullptr))), std::bit_cast<Bits>(value))
          << written;
    }
    ASSERT_EQ(std::bit_cast<Bits>(read), std::bit_cast<Bits>(value)) << written;
    ASSERT_TRUE(Tree::accept(written)) << written;
    // No text with fewer digits reads back the same: printf's digits, one fewer than ours, differ.
    std::size_t digits = 0;
    std::string significant;
    for (const char c : written.substr(0, written.find('e'))) {
      if (c >= '0' && c <= '9') significant += c;
    }
    significant.erase(0, significant.find_first_not_of('0'));
    if (written.find_first_of(".e") == std::string::npos) return;  // whole numbers are written in full
    digits = significant.size();
    if (digits < 2) return;
    char shorter[64];
    std::snprintf(shorter, sizeof shorter, "%.*e", static_cast<int>(digits) - 2, static_cast<double>(value));
    const Number other = sizeof(Number) == 8 ? static_cast<Number>(std::strtod(shorter, nullptr))
                                             : static_cast<Number>(std::strtof(shorter, nullptr));
    ASSERT_NE(std::bit_cast<Bits>(other), std::bit_cast<Bits>(value)) << written << " could be " << shorter;
  };
  for (int round = 0; round < 20'000; ++round) {
    if (const auto any = std::bit_cast<double>(random()); std::isfinite(any)) check(any);
    if (const auto any = std::bit_cast<float>(static_cast<std::uint32_t>(random())); std::isfinite(any)) check(any);
    check(std::bit_cast<double>(random() & 0x000FFFFFFFFFFFFF));  // subnormal
    check(std::bit_cast<float>(static_cast<std::uint32_t>(random()) & 0x007FFFFF));
    const auto whole = static_cast<double>(static_cast<std::int64_t>(random()) >> random() % 64);
    for (const double scale : {1.0, 10.0, 1e3, 1e6, 1e7, 3.0}) {
      check(whole / scale);
      check(std::nextafter(whole / scale, 0.0));
      check(static_cast<float>(whole / scale));
    }
  }
}

TEST(Json, WritesNotANumberAndInfinitiesAsStrings) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(text(std::nan("")), R"("NaN")");
  EXPECT_EQ(text(-std::nan("")), R"("NaN")");
  EXPECT_EQ(text(infinity), R"("Infinity")");
  EXPECT_EQ(text(-infinity), R"("-Infinity")");
  EXPECT_EQ(text(std::numeric_limits<float>::quiet_NaN()), R"("NaN")");
  EXPECT_EQ(text(-std::numeric_limits<float>::infinity()), R"("-Infinity")");
  EXPECT_EQ(text(std::numeric_limits<long double>::max()), R"("Infinity")");
  EXPECT_EQ(text(std::vector<double>{1, infinity}), R"([1,"Infinity"])");
}

// --- Braces ---

TEST(Json, BracesWithPairsAreAlwaysAnObject) {
  const std::string name = "n";
  const std::string_view key = "key from a view";
  EXPECT_EQ(text({{"a", 1}}), R"({"a":1})");
  EXPECT_EQ(text({{"a", "b"}}), R"({"a":"b"})");
  EXPECT_EQ(text({{"a", "b"}, {"c", "d"}}), R"({"a":"b","c":"d"})");
  EXPECT_EQ(text({{name, name}, {key, 2}}), R"({"n":"n","key from a view":2})");
  EXPECT_EQ(text({{"a", {{"b", "c"}}}}), R"({"a":{"b":"c"}})");
  EXPECT_EQ(text({{"a", {{"b", {{"c", {{"d", nullptr}}}}}}}, {"e", 1.5}}), R"({"a":{"b":{"c":{"d":null}}},"e":1.5})");
  EXPECT_EQ(text({{"empty", {}}}), R"({"empty":{}})");
  EXPECT_EQ(text({{"", ""}}), R"({"":""})");
  EXPECT_EQ(text({{"a", Json({{"b", 1}})}}), R"({"a":{"b":1}})");
  EXPECT_EQ(text({{"list", Json::array({1, "two", nullptr, {{"k", 3}}, Json::array({})})}}),
            R"({"list":[1,"two",null,{"k":3},[]]})");
  const Json copy = {Json(5)};
  EXPECT_EQ(text(copy), "5");
}

TEST(Json, ArraysHoldMixedThings) {
  EXPECT_EQ(text(Json::array({})), "[]");
  EXPECT_EQ(text(Json::array({1})), "[1]");
  EXPECT_EQ(text(Json::array({{{"a", "b"}}})), R"([{"a":"b"}])");
  EXPECT_EQ(text(Json::array({{{"a", "b"}, {"c", "d"}}, "x", 'y', 2.5, true, std::vector<int>{1, 2}, Json::array({nullptr})})),
            R"([{"a":"b","c":"d"},"x","y",2.5,true,[1,2],[null]])");
}

TEST(Json, KeysAreEscapedLikeStrings) {
  EXPECT_EQ(text({{"a\"b\\\n", 1}}), R"({"a\"b\\\n":1})");
  EXPECT_EQ(text({{"\xFF", 1}}), "{\"\xEF\xBF\xBD\":1}");
}

TEST(Json, RawTextGoesInAsItIs) {
  const Json raw = Json::raw(R"( {"a" : 1.50} )");
  EXPECT_EQ(raw.text(), R"( {"a" : 1.50} )");
  EXPECT_TRUE(raw.unchecked());
  EXPECT_EQ(text(Json::raw("")), "null");
  const Json around = {{"body", raw}, {"n", 1}};
  EXPECT_EQ(around.text(), R"({"body": {"a" : 1.50} ,"n":1})");
  EXPECT_TRUE(around.unchecked());
  EXPECT_TRUE(Json::array({Json::raw("1")}).unchecked());
  EXPECT_TRUE(Json(std::optional<Json>(raw)).unchecked());
  EXPECT_FALSE(Json({{"a", 1}}).unchecked());
}

// --- Strings ---

TEST(Json, EscapesExactlyWhatMustBe) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    std::string expected = one;
    switch (byte) {
      case '"':
        expected = "\\\"";
        break;
      case '\\':
        expected = "\\\\";
        break;
      case '\b':
        expected = "\\b";
        break;
      case '\f':
        expected = "\\f";
        break;
      case '\n':
        expected = "\\n";
        break;
      case '\r':
        expected = "\\r";
        break;
      case '\t':
        expected = "\\t";
        break;
      default:
        if (byte < 0x20) {
          char escape[8];
          std::snprintf(escape, sizeof escape, "\\u%04x", byte);
          expected = escape;
        }
    }
    // At every distance from both ends, so that each way of copying meets it.
    for (std::size_t before = 0; before < 35; ++before) {
      for (const std::size_t after : {0, 1, 2, 3, 7, 8, 15, 16, 17, 33}) {
        const std::string left(before, 'l'), right(after, 'r');
        ASSERT_EQ(text(left + one + right), '"' + left + expected + right + '"') << byte << " " << before << " " << after;
      }
    }
  }
  EXPECT_EQ(text('\x01'), R"("\u0001")");
}

TEST(Json, ReplacesEachSingleByteBeyondAscii) {
  for (int byte = 0x80; byte < 0x100; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    for (std::size_t before = 0; before < 20; ++before) {
      for (const std::size_t after : {0, 1, 3, 8, 16, 20}) {
        const std::string left(before, 'l'), right(after, 'r');
        ASSERT_EQ(text(left + one + right), '"' + left + "\xEF\xBF\xBD" + right + '"') << byte << " " << before << " " << after;
      }
    }
  }
}

TEST(Json, GrowsForTextOfNothingButEscapes) {
  for (const std::size_t size : {1, 15, 16, 17, 100, 1'000, 100'000}) {
    for (const char byte : {'\x01', '"', '\xFF'}) {
      EXPECT_EQ(tree(std::string(size, byte)).get<std::string>().size(), byte == '\xFF' ? 3 * size : size);
    }
  }
}

TEST(Json, CopiesEveryCodePoint) {
  std::string all;
  for (char32_t code = 0x80; code < 0x110000; code += code < 0x3000 ? 1 : 37) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string one;
    if (code < 0x800) {
      one = {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
    } else if (code < 0x10000) {
      one = {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 63)),
             static_cast<char>(0x80 | (code & 63))};
    } else {
      one = {static_cast<char>(0xF0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 63)),
             static_cast<char>(0x80 | (code >> 6 & 63)), static_cast<char>(0x80 | (code & 63))};
    }
    ASSERT_EQ(text(one), '"' + one + '"');
    ASSERT_EQ(text(U"" + std::u32string(1, code)), '"' + one + '"');
    all += one;
    if (code % 7 == 0) all += 'x';
  }
  EXPECT_EQ(text(all), '"' + all + '"');
}

// `#` stands for U+FFFD. The Unicode Standard, section 3.9, tables 3-8 to 3-11, and the bounds of table 3-7.
TEST(Json, ReplacesEachMaximalSubpartOfInvalidUtf8) {
  const std::pair<std::string, std::string> cases[] = {
      {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", "########A"},  // 3-8: not the shortest form
      {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", "########A"},  // 3-9: surrogates
      {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "#####A##B"},  // 3-10: other
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "####A"},      // 3-11: truncated
      {"\xC2", "#"},
      {"\xC2"
       "A",
       "#A"},
      {"\xC1\xBF", "##"},
      {"\xE0\x9F\xBF", "###"},
      {"\xE0\xA0\x80", "\xE0\xA0\x80"},
      {"\xED\x9F\xBF", "\xED\x9F\xBF"},
      {"\xEE\x80\x80", "\xEE\x80\x80"},
      {"\xF0\x8F\xBF\xBF", "####"},
      {"\xF0\x90\x80\x80", "\xF0\x90\x80\x80"},
      {"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},
      {"\xF4\x90\x80\x80", "####"},
      {"\xF5\x80\x80\x80", "####"},
      {"\xE6\x97", "#"},
      {"\xE6\x97\xE6\x97\xA5", "#\xE6\x97\xA5"},
      {"\xF0\x9F\x8E", "#"},
      {"\xF0\x9F\x8E\xF0\x9F\x8E\x89", "#\xF0\x9F\x8E\x89"},
      {"\xE6\x97\"", "#\\\""},
      {"\x80\x80\x80", "###"},
  };
  for (const auto& [bytes, pattern] : cases) {
    std::string expected;
    for (const char c : pattern) expected += c == '#' ? "\xEF\xBF\xBD" : std::string(1, c);
    for (std::size_t before = 0; before < 40; ++before) {
      for (const std::size_t after : {0, 1, 2, 5, 13, 16, 40}) {
        const std::string left(before, 'l'), right(after, 'r');
        ASSERT_EQ(text(left + bytes + right), '"' + left + expected + right + '"') << pattern << " " << before << " " << after;
      }
    }
  }
}

// A reader of the standard's words, byte by byte.
std::string with_replacements(std::string_view bytes) {
  std::string out;
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto byte = [&](std::size_t i) { return at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U; };
    const unsigned lead = byte(0);
    unsigned low = 0x80, high = 0xBF;
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
    std::size_t good = 1;
    while (good < length && byte(good) >= low && byte(good) <= high) {
      ++good;
      low = 0x80;
      high = 0xBF;
    }
    if (good == length) {
      out += bytes.substr(at, length);
    } else {
      out += "\xEF\xBF\xBD";
    }
    at += good;
  }
  return out;
}

TEST(Json, WritesRandomBytesAsTheStandardSays) {
  static const std::vector<std::string> pieces = {"a",
                                                  "plain text of some length, more than a block",
                                                  "\"",
                                                  "\\",
                                                  "\n",
                                                  "\x01",
                                                  "\x7F",
                                                  "é",
                                                  "я",
                                                  "日本語",
                                                  "ก",
                                                  "한",
                                                  "퟿",
                                                  "🎉",
                                                  "\xE0",
                                                  "\xED",
                                                  "\xF0",
                                                  "\xF4",
                                                  "\xC0",
                                                  "\xC2",
                                                  "\xE6\x97",
                                                  "\xF0\x9F",
                                                  "\xF0\x9F\x8E",
                                                  "\x80",
                                                  "\xBF",
                                                  "\xFF",
                                                  "\xED\xA0\x80",
                                                  "Съешь ещё этих мягких",
                                                  "把语言模型的调用写成一行文字"};
  std::mt19937 random(3);
  for (int round = 0; round < 40'000; ++round) {
    std::string bytes;
    const std::size_t count = random() % 20;
    for (std::size_t piece = 0; piece < count; ++piece) {
      bytes += random() % 8 == 0 ? std::string(1, static_cast<char>(random())) : pieces[random() % pieces.size()];
    }
    const std::string written = text(bytes);
    ASSERT_TRUE(Tree::accept(written)) << written;
    ASSERT_EQ(Tree::parse(written).get<std::string>(), with_replacements(bytes)) << written;
  }
}

TEST(Json, WritesValidUtf8LikeNlohmann) {
  std::mt19937 random(4);
  static const std::vector<std::string> pieces = {
      "a", "\"", "\\", "\n", "\x01", "\x1F", "/", "é", "日本", "🎉", "sixteen bytes ok"};
  for (int round = 0; round < 10'000; ++round) {
    std::string bytes;
    for (std::size_t piece = random() % 20; piece > 0; --piece) bytes += pieces[random() % pieces.size()];
    ASSERT_EQ(text(bytes), Tree(bytes).dump());
  }
}

TEST(Json, TakesTextOfEveryCharacterType) {
  EXPECT_EQ(text(u8"zwölf 🎉"), "\"zwölf 🎉\"");
  EXPECT_EQ(text(std::u8string(u8"日\n")), "\"日\\n\"");
  EXPECT_EQ(text(u"zwölf 🎉"), "\"zwölf 🎉\"");
  EXPECT_EQ(text(std::u16string_view(u"日")), "\"日\"");
  EXPECT_EQ(text(std::u32string(U"🎉")), "\"🎉\"");
  EXPECT_EQ(text(std::wstring(L"zwölf \"日\"")), "\"zwölf \\\"日\\\"\"");
  EXPECT_EQ(text(L'ö'), "\"ö\"");
  const char16_t lone[] = {0xD83C, u'x', 0xDF89};
  EXPECT_EQ(text(std::u16string(lone, 3)), "\"\xEF\xBF\xBDx\xEF\xBF\xBD\"");
  EXPECT_EQ(text(std::u32string(1, char32_t(0x110000))), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(text(std::vector<char>{'a', 'b'}), R"("ab")");
  EXPECT_EQ(text(std::span<const char>("abc", 3)), R"("abc")");
  EXPECT_EQ(text(std::map<std::u8string, int>{{u8"ä", 1}}), "{\"ä\":1}");
}

TEST(Json, ReadsNoFurtherThanACharacterArray) {
  struct {
    char full[4] = {'a', 'b', 'c', 'd'};
    char beyond[4] = {'X', 'X', 'X', '\0'};
  } fields;
  EXPECT_EQ(text(fields.full), R"("abcd")");
  const char padded[8] = "ab";
  EXPECT_EQ(text(padded), R"("ab")");
  const char names[2][4] = {"one", "two"};
  EXPECT_EQ(text(names), R"(["one","two"])");
}

// --- Containers and what the standard library has ---

TEST(Json, WritesRangesAsArrays) {
  EXPECT_EQ(text(std::vector<std::string>{"a", "b"}), R"(["a","b"])");
  EXPECT_EQ(text(std::vector<int>{}), "[]");
  EXPECT_EQ(text(std::vector<bool>{true, false}), "[true,false]");
  EXPECT_EQ(text(std::array<int, 3>{1, 2, 3}), "[1,2,3]");
  EXPECT_EQ(text(std::array<int, 0>{}), "[]");
  EXPECT_EQ(text(std::list<double>{0.5}), "[0.5]");
  EXPECT_EQ(text(std::deque<char>{'a', 'b'}), R"(["a","b"])");
  EXPECT_EQ(text(std::set<int>{3, 1}), "[1,3]");
  EXPECT_EQ(text(std::initializer_list<int>{1, 2}), "[1,2]");
  const std::vector<int> numbers = {1, 2, 3};
  EXPECT_EQ(text(std::span(numbers).subspan(1)), "[2,3]");
  const int c_array[2][2] = {{1, 2}, {3, 4}};
  EXPECT_EQ(text(c_array), "[[1,2],[3,4]]");
  const char* c_strings[] = {"a", nullptr};
  EXPECT_EQ(text(c_strings), R"(["a",null])");
  EXPECT_EQ(text(std::vector<std::vector<bool>>{{true}, {}}), "[[true],[]]");
  EXPECT_EQ(text(std::vector<Json>{1, "x", {{"a", 1}}}), R"([1,"x",{"a":1}])");
  EXPECT_EQ(text(std::vector<std::uint8_t>{1, 255}), "[1,255]");
  shop::Nested leaf, twig, branch;
  twig.push_back(leaf);
  branch.push_back(leaf);
  branch.push_back(twig);
  EXPECT_EQ(text(branch), "[[],[[]]]");
}

TEST(Json, WritesMapsAsObjectsWhateverTheKey) {
  using namespace std::chrono_literals;
  EXPECT_EQ(text(std::map<std::string, int>{{"a", 1}, {"b\"", 2}}), R"({"a":1,"b\"":2})");
  EXPECT_EQ(text(std::map<std::string_view, int>{{"a", 1}}), R"({"a":1})");
  EXPECT_EQ(text(std::map<const char*, int>{{"a", 1}}), R"({"a":1})");
  EXPECT_EQ(text(std::unordered_map<int, bool>{{7, true}}), R"({"7":true})");
  EXPECT_EQ(text(std::map<bool, int>{{true, 1}}), R"({"true":1})");
  EXPECT_EQ(text(std::map<double, int>{{0.5, 1}}), R"({"0.5":1})");
  EXPECT_EQ(text(std::map<double, int>{{std::numeric_limits<double>::infinity(), 1}}), R"({"Infinity":1})");
  EXPECT_EQ(text(std::map<char, int>{{'a', 1}, {'"', 2}}), R"({"\"":2,"a":1})");
  EXPECT_EQ(text(std::map<shop::Color, int>{{shop::Color::green, 1}}), R"({"green":1})");
  EXPECT_EQ(text(std::map<shop::Plain, int>{{shop::seven, 1}}), R"({"7":1})");
  EXPECT_EQ(text(std::map<std::filesystem::path, int>{{"/a", 1}}), R"({"/a":1})");
  EXPECT_EQ(text(std::map<std::pair<int, std::string>, int>{{{1, "x"}, 2}}), R"({"[1,\"x\"]":2})");
  EXPECT_EQ(text(std::map<shop::Order, int>{{{4}, 2}}), R"({"order-4":2})");
  EXPECT_EQ(text(std::map<std::chrono::seconds, int>{{2s, 1}}), R"({"2":1})");
  EXPECT_EQ(text(std::map<std::optional<int>, int>{{std::nullopt, 1}}), R"({"null":1})");
  EXPECT_EQ(text(std::map<std::string, std::vector<bool>>{{"a", {true}}}), R"({"a":[true]})");
  EXPECT_EQ(text(std::map<std::string, Json>{{"a", {{"b", 1}}}, {"c", nullptr}}), R"({"a":{"b":1},"c":null})");
  EXPECT_EQ(text(std::map<std::string, int>{}), "{}");
}

TEST(Json, WritesWhatOptionalsAndPointersPointTo) {
  EXPECT_EQ(text(std::optional<int>()), "null");
  EXPECT_EQ(text(std::optional<int>(3)), "3");
  EXPECT_EQ(text(std::optional<bool>(false)), "false");
  EXPECT_EQ(text(std::optional<std::optional<std::string>>("x")), R"("x")");
  EXPECT_EQ(text(std::optional<Json>(Json{{"a", 1}})), R"({"a":1})");
  EXPECT_EQ(text(std::optional<Json>()), "null");
  EXPECT_EQ(text(std::make_unique<shop::Point>(shop::Point{1, 2})), R"({"x":1,"y":2})");
  EXPECT_EQ(text(std::shared_ptr<const std::string>()), "null");
  EXPECT_EQ(text(std::make_shared<const std::string>("s")), R"("s")");
  const int number = 5;
  EXPECT_EQ(text(std::ref(number)), "5");
  EXPECT_EQ(text(std::atomic<int>(6)), "6");
  EXPECT_EQ(text(std::atomic<bool>(true)), "true");
  EXPECT_EQ(text({{"a", std::optional<int>()}}), R"({"a":null})");
}

TEST(Json, WritesPairsTuplesAndVariants) {
  EXPECT_EQ(text(std::pair(1, "x")), R"([1,"x"])");
  EXPECT_EQ(text(std::tuple(1, 2.5, "x", nullptr)), R"([1,2.5,"x",null])");
  EXPECT_EQ(text(std::tuple<>()), "[]");
  using Variant = std::variant<std::monostate, int, std::string, std::vector<int>>;
  EXPECT_EQ(text(Variant()), "null");
  EXPECT_EQ(text(Variant(1)), "1");
  EXPECT_EQ(text(Variant("s")), R"("s")");
  EXPECT_EQ(text(std::vector<Variant>{1, std::vector<int>{2}}), "[1,[2]]");
  struct Own : Variant {
    using Variant::Variant;
  };
  EXPECT_EQ(text(Own(1)), "1");
}

TEST(Json, WritesAVariantWithoutAValueAsNull) {
  struct Throws {
    Throws() = default;
    Throws(const Throws&) { throw 1; }
    Throws& operator=(const Throws&) = default;
    operator std::string_view() const { return "t"; }
  };
  std::variant<int, Throws> value = 1;
  try {
    value.emplace<Throws>(Throws(Throws()));
    value.emplace<Throws>(std::get<Throws>(value));
  } catch (int) {
  }
  ASSERT_TRUE(value.valueless_by_exception());
  EXPECT_EQ(text(value), "null");
}

TEST(Json, WritesBytesAsBase64) {
  EXPECT_EQ(text(std::vector<std::byte>{std::byte(0xFF), std::byte(0), std::byte(1), std::byte(2)}), R"("/wABAg==")");
  EXPECT_EQ(text(std::vector<std::byte>{}), R"("")");
  const std::byte bytes[] = {std::byte('h'), std::byte('i')};
  EXPECT_EQ(text(bytes), R"("aGk=")");
  EXPECT_EQ(text(std::span<const std::byte>(bytes)), R"("aGk=")");
  EXPECT_EQ(text(std::array<std::byte, 1>{std::byte('a')}), R"("YQ==")");
}

TEST(Json, WritesTimesInUtcAndDurationsInSeconds) {
  using namespace std::chrono;
  EXPECT_EQ(text(sys_days(2024y / February / 29)), R"("2024-02-29T00:00:00.000000Z")");
  EXPECT_EQ(text(sys_days(1500y / March / 1)), R"("1500-03-01T00:00:00.000000Z")");
  EXPECT_EQ(text(sys_time<microseconds>(microseconds(1'700'000'000'123'457))), R"("2023-11-14T22:13:20.123457Z")");
  EXPECT_EQ(text(sys_time<nanoseconds>(nanoseconds(-1))), R"("1969-12-31T23:59:59.999999Z")");
  EXPECT_EQ(text(sys_time<milliseconds>(milliseconds(-1500))), R"("1969-12-31T23:59:58.500000Z")");
  EXPECT_EQ(text(sys_time<duration<double>>(duration<double>(1.25))), R"("1970-01-01T00:00:01.250000Z")");
  EXPECT_EQ(text(sys_time<duration<double>>(duration<double>(NAN))), R"("NaN")");
  EXPECT_EQ(text(sys_time<hours>(hours(24))), R"("1970-01-02T00:00:00.000000Z")");
  EXPECT_EQ(text(sys_time<duration<long long, std::pico>>(duration<long long, std::pico>(1'500'000'000'000))),
            R"("1970-01-01T00:00:01.500000Z")");
  EXPECT_EQ(text(sys_time<seconds>(seconds::max())), R"("9999-12-31T23:59:59.999999Z")");
  EXPECT_EQ(text(sys_time<hours>(hours::max())), R"("9999-12-31T23:59:59.999999Z")");
  EXPECT_EQ(text(sys_time<hours>(hours::min())), R"("0000-01-01T00:00:00.000000Z")");
  EXPECT_EQ(text(system_clock::time_point()), R"("1970-01-01T00:00:00.000000Z")");
  // Every microsecond is exact.
  for (long long micros = 1'700'000'000'000'000; micros < 1'700'000'000'010'000; ++micros) {
    ASSERT_EQ(text(sys_time<microseconds>(microseconds(micros))).substr(21, 6), std::to_string(micros).substr(10));
  }
  EXPECT_EQ(text(milliseconds(1500)), "1.5");
  EXPECT_EQ(text(100ms), "0.1");
  EXPECT_EQ(text(minutes(2)), "120");
  EXPECT_EQ(text(duration<float>(0.5F)), "0.5");
  EXPECT_EQ(text(-1s), "-1");
}

TEST(Json, WritesPathsExceptionsAndErrorCodes) {
  EXPECT_EQ(text(std::filesystem::path("/tmp/ä")), "\"/tmp/ä\"");
  EXPECT_EQ(text(std::runtime_error("out of tea")), R"("out of tea")");
  const std::bad_alloc bad;
  const std::exception& general = bad;
  EXPECT_EQ(text(general), '"' + std::string(bad.what()) + '"');
  EXPECT_EQ(text(std::make_error_code(std::errc::timed_out)), '"' + std::make_error_code(std::errc::timed_out).message() + '"');
  EXPECT_EQ(text(Error{ErrorCode::io, "disk full"}), R"("disk full")");
  EXPECT_EQ(text({{"code", ErrorCode::io}}), R"({"code":"io"})");
}

TEST(Json, WritesEnumsByNameElseAsNumbers) {
  EXPECT_EQ(text(shop::Color::green), R"("green")");
  EXPECT_EQ(text(shop::seven), "7");
  EXPECT_EQ(text(shop::sixty_five), "65");
  EXPECT_EQ(text(shop::Version{1, 2}), R"("1.2")") << "classes with a text too";
}

// --- Types of users ---

TEST(Json, AsksToJsonOfAType) {
  EXPECT_EQ(text(shop::Point{1, 2}), R"({"x":1,"y":2})");
  EXPECT_EQ(text(std::vector<shop::Point>{{1, 2}}), R"([{"x":1,"y":2}])");
  EXPECT_EQ(text({{"p", shop::Point{1, 2}}}), R"({"p":{"x":1,"y":2}})");
  EXPECT_EQ(text(shop::Path{{{1, 2}, {3, 4}}}), R"([{"x":1,"y":2},{"x":3,"y":4}])");
  EXPECT_EQ(text(shop::Tree{{{}, {{{}}}}}), "[[],[[]]]");
  EXPECT_EQ(text(std::string("a string")), R"("a string")") << "only what belongs to the type is asked";
}

TEST(Json, TakesATypeOfNlohmannWithOneLine) {
  EXPECT_EQ(text(shop::Plane{"A380"}), R"({"name":"A380"})");
  EXPECT_EQ(text({{"planes", std::vector<shop::Plane>{{"A"}, {"B"}}}}), R"({"planes":[{"name":"A"},{"name":"B"}]})");
  EXPECT_EQ(Tree(shop::Plane{"B"}).dump(), R"({"name":"B"})") << "and it still is one for nlohmann";
}

TEST(Json, PassesOnWhatToJsonThrows) {
  EXPECT_THROW(Json(shop::Broken{}), std::runtime_error);
  EXPECT_THROW(Json(std::vector<shop::Broken>(3)), std::runtime_error);
  EXPECT_THROW((Json{{"long text before it", std::string(5'000, 'x')}, {"b", shop::Broken()}}), std::runtime_error);
  EXPECT_THROW(Json::array({1, {{"b", shop::Broken()}}}), std::runtime_error);
  EXPECT_EQ(text(Json{{"after", 1}}), R"({"after":1})");
}

TEST(Json, TakesValuesOfNlohmannAsTheyAre) {
  const Tree value = {{"a", {1, 2.5, nullptr}}, {"b", "ä"}};
  EXPECT_EQ(text(value), value.dump());
  EXPECT_EQ(text({{"v", value}, {"n", 1}}), R"({"v":)" + value.dump() + R"(,"n":1})");
  EXPECT_EQ(text(nlohmann::ordered_json{{"z", 1}, {"a", 2}}), R"({"z":1,"a":2})");
  EXPECT_EQ(text(std::vector<Tree>{value, 1}), "[" + value.dump() + ",1]");
  EXPECT_EQ(text(Tree("a string")), R"("a string")");
  EXPECT_EQ(text(Tree("bad \xFF")), "\"bad \xEF\xBF\xBD\"");
  EXPECT_EQ(text(Tree(NAN)), "null");
  EXPECT_EQ(text(Tree(Tree::value_t::discarded)), "null");
  EXPECT_FALSE(Json(value).unchecked());
}

// --- Depth ---

Json nested(int depth) {
  Json value = 1;
  for (int i = 0; i < depth; ++i) value = Json::array({value});
  return value;
}
Tree nested_tree(int depth) {
  Tree value = 1;
  for (int i = 0; i < depth; ++i) value = Tree::array({value});
  return value;
}

TEST(Json, CutsAtADepthOf200) {
  constexpr std::string_view cut = R"("<max depth exceeded>")";
  const std::string deepest = std::string(200, '[') + "1" + std::string(200, ']');
  EXPECT_EQ(text(nested(200)), deepest);
  EXPECT_EQ(nested(200).depth(), 200);
  EXPECT_EQ(text(Json::array({nested(200)})), "[" + std::string(cut) + "]");
  EXPECT_EQ(text({{"a", nested(199)}}).size(), 2 * 199 + 1 + 6U);
  EXPECT_EQ(text({{"a", nested(200)}, {"b", 1}}), R"({"a":"<max depth exceeded>","b":1})");
  EXPECT_EQ(text(std::vector<std::map<std::string, Json>>{{{"k", nested(199)}}}), R"([{"k":"<max depth exceeded>"}])");
  EXPECT_EQ(text(std::tuple(std::optional(nested(200)), 1)), R"(["<max depth exceeded>",1])");
}

TEST(Json, CutsWithinOneValue) {
  shop::Nested value;
  for (int i = 0; i < 250; ++i) {
    shop::Nested outer;
    outer.push_back(std::move(value));
    value = std::move(outer);
  }
  EXPECT_EQ(text(value), std::string(200, '[') + R"("<max depth exceeded>")" + std::string(200, ']'));
}

TEST(Json, CountsTheDepthOfNlohmannValues) {
  EXPECT_EQ(Json(nested_tree(150)).depth(), 150);
  EXPECT_EQ(text(nested_tree(200)), nested_tree(200).dump());
  EXPECT_EQ(text(nested_tree(201)), R"("<max depth exceeded>")");
  EXPECT_EQ(text({{"a", nested_tree(200)}}), R"({"a":"<max depth exceeded>"})");
  EXPECT_EQ(Json(Tree{{"[[\"{", "\\\"[["}}).depth(), 1) << "brackets in strings are none";
}

// --- A value like others ---

TEST(Json, IsAValueThatCanBeCopiedMovedAndCompared) {
  Json a = {{"a", 1}};
  Json b = a;
  EXPECT_EQ(a, b);
  b = Json::array({1});
  EXPECT_NE(a, b);
  EXPECT_EQ(text(a), R"({"a":1})");
  Json& alias = a;
  a = alias;
  EXPECT_EQ(text(a), R"({"a":1})");
  a = std::move(alias);
  EXPECT_EQ(text(a), R"({"a":1})");
  const Json c = std::move(a);
  EXPECT_EQ(text(c), R"({"a":1})");
  EXPECT_EQ(text(a), "null");  // NOLINT: what is left is null
  EXPECT_EQ(a.depth(), 0);
  EXPECT_FALSE(a.unchecked());
  a = 5;
  EXPECT_EQ(text(a), "5");
  a = {{"self", a}};
  EXPECT_EQ(text(a), R"({"self":5})");
  std::vector<Json> many;
  for (int i = 0; i < 100; ++i) many.emplace_back(std::string(static_cast<std::size_t>(i) * 50, 'x'));
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(many[i].text().size(), 50 * i + 2);
}

TEST(Json, MayBeMadeOnOneThreadAndDroppedOnAnother) {
  std::vector<Json> made(64);
  std::thread maker([&] {
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = {{"i", i}, {"pad", std::string(100 * i, 'p')}};
  });
  maker.join();
  std::thread dropper([taken = std::move(made)]() mutable {
    for (std::size_t i = 0; i < taken.size(); ++i) EXPECT_EQ(tree(taken[i])["i"], i);
    taken.clear();
    EXPECT_EQ(text({{"reused", true}}), R"({"reused":true})");
  });
  dropper.join();
}

// --- All together ---

using Leaf = std::variant<std::monostate, bool, int, double, std::string>;
struct Any;
using Anys = std::vector<Any>;
using AnyMap = std::map<std::string, Any>;
struct Any
    : std::variant<Leaf, Anys, AnyMap, std::optional<std::int64_t>, std::tuple<bool, std::uint64_t>, std::vector<double>> {
  using variant::variant;
};
static_assert(JsonValue<Any>);

Any random_value(std::mt19937_64& random, int depth) {
  switch (random() % (depth > 0 ? 9 : 5)) {
    case 0:
      return Leaf();
    case 1:
      return Leaf(random() % 2 == 0);
    case 2:
      return Leaf(static_cast<int>(random()));
    case 3:
      return Leaf(static_cast<double>(static_cast<std::int64_t>(random())) / 1e7);
    case 4:
      return Leaf(std::string(random() % 30, 'x') + (random() % 2 == 0 ? "\"\\é\x01" : "日本🎉") +
                  std::string(random() % 30, 'y'));
    case 5: {
      Anys list;
      for (auto i = random() % 5; i > 0; --i) list.push_back(random_value(random, depth - 1));
      return list;
    }
    case 6: {
      AnyMap map;
      for (auto i = random() % 5; i > 0; --i)
        map.emplace("k\"ö" + std::to_string(random() % 50), random_value(random, depth - 1));
      return map;
    }
    case 7:
      return std::optional(static_cast<std::int64_t>(random()));
    default:
      return std::tuple(true, random());
  }
}

Tree as_tree(const Any& value);
struct AsTree {
  Tree operator()(const Leaf& leaf) const { return std::visit(*this, leaf); }
  Tree operator()(std::monostate) const { return nullptr; }
  Tree operator()(const Anys& list) const {
    Tree out = Tree::array();
    for (const Any& element : list) out.push_back(as_tree(element));
    return out;
  }
  Tree operator()(const AnyMap& map) const {
    Tree out = Tree::object();
    for (const auto& [key, element] : map) out[key] = as_tree(element);
    return out;
  }
  Tree operator()(const std::optional<std::int64_t>& number) const { return *number; }
  template <class T>
  Tree operator()(const T& value) const {
    return value;
  }
};
Tree as_tree(const Any& value) { return std::visit(AsTree(), value); }

TEST(Json, WritesAnyNestOfValuesAsTheTreeItIs) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 5'000; ++round) {
    const Any value = random_value(random, 5);
    const Tree expected = as_tree(value);
    ASSERT_EQ(tree(value), expected) << text(value);
    ASSERT_EQ(tree(Json{{"v", value}, {"again", Json::array({value, Json(value)})}}),
              (Tree{{"v", expected}, {"again", Tree::array({expected, expected})}}));
  }
}

}  // namespace
}  // namespace braintrust
