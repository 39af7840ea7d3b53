// When a request is repeated, and how long that waits.

#include "pipeline/retry.h"

#include <gtest/gtest.h>

namespace braintrust::pipeline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Retry, RepeatsWhatMayPassLaterAndNothingElse) {
  for (const int status : {0, 408, 425, 429, 500, 502, 503, 504, 599}) EXPECT_TRUE(may_retry(status)) << status;
  for (const int status : {200, 301, 302, 400, 401, 403, 404, 409, 413, 422, 600}) EXPECT_FALSE(may_retry(status)) << status;
}

TEST(Retry, WaitsARandomPartOfASpanThatDoublesUpToItsBound) {
  const Backoff backoff{.first = milliseconds(500), .most = milliseconds(30'000)};
  EXPECT_EQ(backoff.wait(1, 0.999), milliseconds(499));
  EXPECT_EQ(backoff.wait(1, 0.5), milliseconds(250));
  EXPECT_EQ(backoff.wait(2, 0.5), milliseconds(500));
  EXPECT_EQ(backoff.wait(6, 0.5), milliseconds(8'000));
  EXPECT_EQ(backoff.wait(7, 0.5), milliseconds(15'000));
  EXPECT_EQ(backoff.wait(4'000'000'000, 0.5), milliseconds(15'000));
  EXPECT_EQ(backoff.wait(3, 0), milliseconds(0));
}

TEST(RetryAfter, IsSecondsOrADate) {
  const auto now = std::chrono::system_clock::from_time_t(784'111'777);  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(parse_retry_after("0", now), milliseconds(0));
  EXPECT_EQ(parse_retry_after(" 17 ", now), seconds(17));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now), seconds(30));
  EXPECT_EQ(parse_retry_after("Sunday, 06-Nov-94 08:50:07 GMT", now), seconds(30));
  EXPECT_EQ(parse_retry_after("Sun Nov  6 08:50:07 1994", now), seconds(30));
}

TEST(RetryAfter, IsBoundedAndNeverNegative) {
  const auto now = std::chrono::system_clock::from_time_t(784'111'777);
  EXPECT_EQ(parse_retry_after("86400", now), seconds(300));
  EXPECT_EQ(parse_retry_after("99999999999999999999999999", now), seconds(300));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), seconds(0));
  EXPECT_EQ(parse_retry_after("Tue, 06 Nov 2035 08:00:00 GMT", now), seconds(300));
  EXPECT_EQ(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", now), seconds(300));
}

TEST(RetryAfter, IsIgnoredWhenItIsNeither) {
  const auto now = std::chrono::system_clock::now();
  for (const char* text : {"", "  ", "soon", "-5", "1.5s"}) EXPECT_FALSE(parse_retry_after(text, now)) << text;
}

}  // namespace
}  // namespace braintrust::pipeline
