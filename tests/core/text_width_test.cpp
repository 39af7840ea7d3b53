#include "core/text_width.h"

#include <gtest/gtest.h>

#include <string>

#include "core/quantity_text.h"

namespace braintrust::detail {
namespace {

TEST(DurationText, HasThreeDigitsWhateverTheSize) {
  const auto text = [](std::int64_t us) { return duration_text(std::chrono::microseconds(us)); };
  EXPECT_EQ(text(0), "0 µs");
  EXPECT_EQ(text(999), "999 µs");
  EXPECT_EQ(text(1'000), "1.00 ms");
  EXPECT_EQ(text(9'994), "9.99 ms");
  EXPECT_EQ(text(9'996), "10.0 ms");
  EXPECT_EQ(text(99'960), "100 ms");
  EXPECT_EQ(text(999'499), "999 ms");
  EXPECT_EQ(text(999'500), "1.00 s");
  EXPECT_EQ(text(59'949'000), "59.9 s");
  EXPECT_EQ(text(59'960'000), "1 min 00 s");
  EXPECT_EQ(text(3'599'600'000), "1 h 00 min");
}

TEST(OneLine, CutsByDisplayWidthBetweenCharacters) {
  EXPECT_EQ(one_line("hello", 5), "hello");
  EXPECT_EQ(one_line("hello!", 5), "hell…");
  EXPECT_EQ(one_line("日本語", 6), "日本語");
  EXPECT_EQ(one_line("日本語", 5), "日本…");
  EXPECT_EQ(one_line("日本語", 4), "日…");
  EXPECT_EQ(one_line("e\u0301e\u0301e\u0301", 2), "e\u0301…");
  EXPECT_EQ(one_line("äöü", 3), "äöü");
  EXPECT_EQ(one_line("x", 0), "");
  EXPECT_EQ(display_width("日本 é😀"), 8U);
}

TEST(OneLine, TakesBytesThatAreNoText) {
  EXPECT_EQ(one_line("a\xff\xc3", 9), "a\ufffd\ufffd");
  EXPECT_EQ(one_line("\xed\xa0\x80|", 9), "\ufffd\ufffd\ufffd|");
  EXPECT_EQ(one_line(std::string_view("\0", 1), 9), "\u2400");
}

}  // namespace
}  // namespace braintrust::detail
