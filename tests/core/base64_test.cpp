#include "core/base64.h"

#include <cctype>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace braintrust::base64 {
namespace {

TEST(Base64, EncodesTheExamplesOfRfc4648) {
  EXPECT_EQ(encode(""), "");
  EXPECT_EQ(encode("f"), "Zg==");
  EXPECT_EQ(encode("fo"), "Zm8=");
  EXPECT_EQ(encode("foo"), "Zm9v");
  EXPECT_EQ(encode("foob"), "Zm9vYg==");
  EXPECT_EQ(encode("fooba"), "Zm9vYmE=");
  EXPECT_EQ(encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encode(std::string_view("\x00\xFF\xFE\xFB", 4)), "AP/++w==");
}

TEST(Base64, DecodesWhatItEncodes) {
  std::mt19937 random(5);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const std::string text = encode(bytes);
    EXPECT_EQ(text.size(), encoded_size(size));
    EXPECT_EQ(decode(text), bytes);
  }
}

TEST(Base64, RefusesForeignCharactersWherever) {
  for (int byte = 0; byte < 256; ++byte) {
    const bool digit = std::isalnum(byte) != 0 || byte == '+' || byte == '/';
    for (std::size_t place = 0; place < 8; ++place) {
      std::string text = "AAAAAAAA";
      text[place] = static_cast<char>(byte);
      const bool padding = byte == '=' && place == 7;
      EXPECT_EQ(decode(text).has_value(), digit || padding) << byte << " at " << place;
    }
  }
}

TEST(Base64, RefusesWrongLengthsAndPadding) {
  for (const char* text :
       {"A", "AA", "AAA", "AAAAA", "=", "==", "====", "A===", "AA=A", "=AAA", "AA==AAAA", "AAA=AAAA", "AAAA=", "AAAA===="}) {
    EXPECT_FALSE(decode(text)) << text;
  }
  EXPECT_EQ(decode(""), "");
  EXPECT_EQ(decode("AA=="), std::string(1, '\0'));
}

}  // namespace
}  // namespace braintrust::base64
