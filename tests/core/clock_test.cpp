#include "core/clock.h"

#include <cstdio>
#include <ctime>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace braintrust::detail {
namespace {

std::string iso8601(long long seconds, int nanoseconds) {
  char text[32] = {};
  return {text, write_iso8601(seconds, nanoseconds, text)};
}
std::string iso8601(long long nanoseconds) {
  char text[32] = {};
  return {text, write_iso8601(nanoseconds, text)};
}

std::string with_gmtime(long long seconds, int nanoseconds) {
  const std::time_t time = seconds;
  std::tm parts = {};
  gmtime_r(&time, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                parts.tm_hour, parts.tm_min, parts.tm_sec, nanoseconds / 1000);
  return text;
}

constexpr long long first = -62'167'219'200;  // year 0
constexpr long long last = 253'402'300'799;   // the end of 9999
constexpr long long day = 86'400;

TEST(Iso8601, AgreesWithGmtimeOnEveryDayOfTenThousandYears) {
  for (long long midnight = first; midnight < last; midnight += day) {
    ASSERT_EQ(iso8601(midnight, 0), with_gmtime(midnight, 0));
    ASSERT_EQ(iso8601(midnight + day - 1, 999'999'999), with_gmtime(midnight + day - 1, 999'999'999));
    midnight += day * 6;  // every week; months and leap days are met on all weekdays
  }
}

TEST(Iso8601, AgreesWithGmtimeAroundEveryLeapDayAndNewYear) {
  for (int year = 0; year < 10'000; ++year) {
    std::tm parts = {};
    parts.tm_year = year - 1900;
    parts.tm_mon = 1;
    parts.tm_mday = 28;
    const long long february = timegm(&parts);
    for (const long long seconds : {february, february + day, february + 2 * day, february - 59 * day, february - 58 * day}) {
      if (seconds < first) continue;
      ASSERT_EQ(iso8601(seconds, 1'000), with_gmtime(seconds, 1'000));
    }
  }
}

TEST(Iso8601, AgreesWithGmtimeAtRandomNanoseconds) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 100'000; ++round) {
    const auto nanoseconds = static_cast<long long>(random());
    long long seconds = nanoseconds / 1'000'000'000;
    long long rest = nanoseconds % 1'000'000'000;
    if (rest < 0) {
      rest += 1'000'000'000;
      --seconds;
    }
    ASSERT_EQ(iso8601(nanoseconds), with_gmtime(seconds, static_cast<int>(rest))) << nanoseconds;
  }
}

TEST(Iso8601, WritesTimesBefore1970) {
  EXPECT_EQ(iso8601(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(iso8601(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(iso8601(-1'000), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(iso8601(-1'000'000'000), "1969-12-31T23:59:59.000000Z");
  EXPECT_EQ(iso8601(-1'000'000'001), "1969-12-31T23:59:58.999999Z");
  EXPECT_EQ(iso8601(std::numeric_limits<long long>::min()), "1677-09-21T00:12:43.145224Z");
  EXPECT_EQ(iso8601(std::numeric_limits<long long>::max()), "2262-04-11T23:47:16.854775Z");
}

TEST(Iso8601, StopsAtTheYearsItCanWrite) {
  EXPECT_EQ(iso8601(first, 0), "0000-01-01T00:00:00.000000Z");
  EXPECT_EQ(iso8601(first - 1, 5'000), "0000-01-01T00:00:00.000000Z");
  EXPECT_EQ(iso8601(last, 0), "9999-12-31T23:59:59.000000Z");
  EXPECT_EQ(iso8601(last + 1, 0), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(iso8601(std::numeric_limits<long long>::max(), 0), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(iso8601(std::numeric_limits<long long>::min(), 0), "0000-01-01T00:00:00.000000Z");
}

TEST(Clock, SteadyTimePlusTheOffsetIsWallTime) {
  const std::int64_t before = steady_now();
  EXPECT_LE(before, steady_now());
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  EXPECT_NEAR(static_cast<double>((steady_now() + measure_wall_offset()) / 1'000'000'000), static_cast<double>(now), 2.0);
}

}  // namespace
}  // namespace braintrust::detail
