#include "core/clock.h"

#include <chrono>
#include <limits>

namespace braintrust::detail {
namespace {

template <class Clock>
std::int64_t now() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

void two_digits(char* out, unsigned value) noexcept {
  out[0] = static_cast<char>('0' + value / 10 % 10);
  out[1] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::int64_t steady_now() noexcept { return now<std::chrono::steady_clock>(); }

std::int64_t measure_wall_offset() noexcept {
  // Of a few readings the one that took least: between the clocks of the others this thread may have had to wait.
  std::int64_t shortest = std::numeric_limits<std::int64_t>::max();
  std::int64_t offset = 0;
  for (int reading = 0; reading < 4; ++reading) {
    const std::int64_t before = steady_now();
    const std::int64_t wall = now<std::chrono::system_clock>();
    const std::int64_t took = steady_now() - before;
    if (took >= shortest) continue;
    shortest = took;
    offset = wall - (before + took / 2);
  }
  return offset;
}

std::size_t write_iso8601(long long nanoseconds, char* out) noexcept {
  constexpr long long second = 1'000'000'000;
  const long long fraction = nanoseconds % second;
  const bool before = fraction < 0;
  return write_iso8601(nanoseconds / second - (before ? 1 : 0), static_cast<int>(fraction + (before ? second : 0)), out);
}

std::size_t write_iso8601(long long seconds, int nanoseconds, char* out) noexcept {
  constexpr long long day = 86'400;
  constexpr long long first = -62'167'219'200;  // 0000-01-01T00:00:00Z
  constexpr long long last = 253'402'300'799;   // 9999-12-31T23:59:59Z
  if (seconds < first) {
    seconds = first;
    nanoseconds = 0;
  } else if (seconds > last) {
    seconds = last;
    nanoseconds = 999'999'999;
  }
  long long days = seconds / day;
  long long time = seconds % day;
  if (time < 0) {
    time += day;
    --days;
  }
  // Civil date from the count of days, eras of 400 years beginning on 1 March (the usual proleptic Gregorian arithmetic).
  const long long shifted = days + 719'468;
  const long long era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const auto day_of_era = static_cast<unsigned>(shifted - era * 146'097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted_month = (5 * day_of_year + 2) / 153;
  const unsigned day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const long long year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);

  const auto four = static_cast<unsigned>(year);
  const auto clock = static_cast<unsigned>(time);
  two_digits(out, four / 100);
  two_digits(out + 2, four % 100);
  out[4] = '-';
  two_digits(out + 5, month);
  out[7] = '-';
  two_digits(out + 8, day_of_month);
  out[10] = 'T';
  two_digits(out + 11, clock / 3600);
  out[13] = ':';
  two_digits(out + 14, clock / 60 % 60);
  out[16] = ':';
  two_digits(out + 17, clock % 60);
  out[19] = '.';
  const auto micros = static_cast<unsigned>(nanoseconds / 1000);
  two_digits(out + 20, micros / 10'000);
  two_digits(out + 22, micros / 100);
  two_digits(out + 24, micros);
  out[26] = 'Z';
  return 27;
}

}  // namespace braintrust::detail
