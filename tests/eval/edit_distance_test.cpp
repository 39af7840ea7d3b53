// The distance of texts, beside the plain matrix.

#include "eval/edit_distance.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "eval/plain_edit_distance.h"

namespace braintrust::eval {
namespace {

// A text in both forms: what a program holds, and what it means.
struct Text {
  std::string bytes;
  std::u32string points;

  void add(char32_t point) {
    points += point;
    const auto low = [&](int shift) { return static_cast<char>(0x80 | ((point >> shift) & 0x3f)); };
    if (point < 0x80) {
      bytes += static_cast<char>(point);
    } else if (point < 0x800) {
      bytes += {static_cast<char>(0xc0 | (point >> 6)), low(0)};
    } else if (point < 0x10000) {
      bytes += {static_cast<char>(0xe0 | (point >> 12)), low(6), low(0)};
    } else {
      bytes += {static_cast<char>(0xf0 | (point >> 18)), low(12), low(6), low(0)};
    }
  }
  void add_broken_byte() {
    bytes += '\xff';
    points += U'\uFFFD';
  }
};

class Edits : public testing::Test {
 protected:
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  // Few different symbols, so that texts have much in common.
  Text text(std::size_t length, bool wide) {
    static constexpr char32_t narrow_symbols[] = U"abcde";
    static constexpr char32_t wide_symbols[] = U"aé世界🙂\uFFFD";
    Text result;
    while (result.points.size() < length) {
      const std::size_t which = below(wide ? 7 : 5);
      if (which == 6) {
        result.add_broken_byte();
      } else {
        result.add(wide ? wide_symbols[which] : narrow_symbols[which]);
      }
    }
    return result;
  }

  static void expect_as_in_matrix(const Text& left, const Text& right) {
    const auto edits = edits_between(left.bytes, right.bytes);
    ASSERT_EQ(edits.count, test::plain_edit_distance<char32_t>(left.points, right.points)) << left.bytes << "\n" << right.bytes;
    ASSERT_EQ(edits.longest, std::max(left.points.size(), right.points.size()));
  }

 private:
  std::mt19937 random_{20240229};
};

TEST_F(Edits, OfRandomTextsAreThoseOfTheMatrix) {
  for (int round = 0; round < 3000; ++round) {
    const std::size_t most = round % 10 == 0 ? 400 : 40;
    expect_as_in_matrix(text(below(most), round % 2 == 0), text(below(most), round % 3 == 0));
  }
}

TEST_F(Edits, OfTextsAroundTheLengthOfAWordAreThoseOfTheMatrix) {
  for (const bool wide : {false, true}) {
    for (const std::size_t left : {1, 63, 64, 65, 127, 128, 129, 192}) {
      for (const std::size_t right : {1, 63, 64, 65, 128, 200}) expect_as_in_matrix(text(left, wide), text(right, wide));
    }
  }
}

TEST_F(Edits, OfALongTextThatWasChangedHereAndThereAreThoseOfTheMatrix) {
  for (int round = 0; round < 20; ++round) {
    const Text before = text(1000, false);
    Text after;
    for (const char32_t point : before.points) {
      const std::size_t chance = below(20);
      if (chance == 0) continue;
      after.add(chance == 1 ? U'ü' : point);
      if (chance == 2) after.add(U'x');
    }
    expect_as_in_matrix(before, after);
  }
}

TEST_F(Edits, AreNoneBetweenEqualTexts) {
  EXPECT_EQ(edits_between("", "").count, 0u);
  EXPECT_EQ(edits_between("same", "same").count, 0u);
  const Text wide = text(500, true);
  EXPECT_EQ(edits_between(wide.bytes, wide.bytes).count, 0u);
}

TEST_F(Edits, CountAnInsertionADeletionAndAReplacementAsOneEach) {
  EXPECT_EQ(edits_between("kitten", "sitting").count, 3u);  // k→s, e→i, +g
  EXPECT_EQ(edits_between("abc", "").count, 3u);
  EXPECT_EQ(edits_between("ab", "ba").count, 2u);  // a swap is two
}

}  // namespace
}  // namespace braintrust::eval
