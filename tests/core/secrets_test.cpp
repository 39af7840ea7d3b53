#include "core/secrets.h"

#include <gtest/gtest.h>

namespace braintrust::detail {
namespace {

std::string without(std::string text, std::string_view secret) {
  hide_secret(text, secret);
  return text;
}
std::string without_bearers(std::string text) {
  hide_bearers(text);
  return text;
}

TEST(HideSecret, PutsStarsWhereverItStands) {
  EXPECT_EQ(without("sk-1 and sk-1sk-1", "sk-1"), "*** and ******");
  EXPECT_EQ(without("nothing here", "sk-1"), "nothing here");
}

TEST(HideSecret, LeavesTextAloneWhenThereIsNone) {
  EXPECT_EQ(without("a key", ""), "a key");
  EXPECT_EQ(without("a key", "key"), "a key");
}

TEST(HideSecret, EndsWhenTheSecretIsMadeOfStars) { EXPECT_EQ(without("********", "****"), "******"); }

TEST(HideBearers, PutsStarsInPlaceOfTokensButNotOfWords) {
  EXPECT_EQ(without_bearers("Authorization: Bearer sk-123"), "Authorization: Bearer ***");
  EXPECT_EQ(without_bearers("bearer a1.b-2_c~3+/= is old, BEARER x9"), "bearer *** is old, BEARER ***");
  EXPECT_EQ(without_bearers("a bearer token is missing"), "a bearer token is missing");
  EXPECT_EQ(without_bearers("Bearer "), "Bearer ");
}

}  // namespace
}  // namespace braintrust::detail
