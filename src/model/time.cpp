#include "flashsale/model/time.hpp"

#include <algorithm>
#include <cstddef>

namespace flashsale {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::int64_t kUsPerS = 1'000'000;
constexpr std::int64_t kSPerDay = 86'400;
constexpr std::size_t kTextSize = 27;  // 2026-01-02T03:04:05.000006Z

constexpr TimePoint kEarliest{sys_days{year{0} / 1 / 1}};
constexpr TimePoint kLatest{sys_days{year{10'000} / 1 / 1} - std::chrono::microseconds{1}};

/// Writes `value` as exactly `digits` decimal digits.
void put_digits(char* at, int digits, std::uint32_t value) {
  for (char* p = at + digits; p != at; value /= 10) *--p = static_cast<char>('0' + value % 10);
}

/// Reads fixed-width numbers and separators from the front; once something did not fit, `ok` stays false.
struct Scanner {
  std::string_view rest;
  bool ok = true;

  std::int32_t number(std::size_t digits, std::int32_t min, std::int32_t max) {
    if (rest.size() < digits) return fail();
    std::int32_t value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(rest[i])) return fail();
      value = value * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(digits);
    return value >= min && value <= max ? value : fail();
  }

  void expect(char c) {
    if (!accept(c)) fail();
  }

  bool accept(char c) {
    if (!ok || rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }

  /// The digits after the dot, in microseconds.
  std::int64_t fraction_us() {
    std::int64_t us = 0;
    std::size_t digits = 0;
    for (; digits < rest.size() && is_digit(rest[digits]); ++digits) {
      if (digits < 6) us = us * 10 + (rest[digits] - '0');
    }
    if (digits == 0 || digits > 9) return fail();
    for (std::size_t i = digits; i < 6; ++i) us *= 10;
    rest.remove_prefix(digits);
    return us;
  }

  std::int32_t fail() {
    ok = false;
    return 0;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
};

/// `Z`, or how far local time is ahead of UTC.
std::chrono::minutes parse_offset(Scanner& in) {
  if (in.accept('Z') || in.accept('z')) return {};
  const bool is_ahead = in.accept('+');
  if (!is_ahead) in.expect('-');
  const int hours = in.number(2, 0, 23);
  in.expect(':');
  const std::chrono::minutes offset{hours * 60 + in.number(2, 0, 59)};
  return is_ahead ? offset : -offset;
}

}  // namespace

void append_rfc3339(std::string& out, TimePoint t) {
  const std::int64_t us = to_unix_us(std::clamp(t, kEarliest, kLatest));
  std::int64_t second = us / kUsPerS;
  std::int64_t fraction_us = us % kUsPerS;
  if (fraction_us < 0) fraction_us += kUsPerS, --second;
  std::int64_t day = second / kSPerDay;
  std::int64_t second_of_day = second % kSPerDay;
  if (second_of_day < 0) second_of_day += kSPerDay, --day;

  const year_month_day date{sys_days{days{day}}};
  const auto of_day = static_cast<std::uint32_t>(second_of_day);
  char text[kTextSize + 1] = "0000-00-00T00:00:00.000000Z";
  put_digits(text, 4, static_cast<std::uint32_t>(static_cast<int>(date.year())));
  put_digits(text + 5, 2, static_cast<unsigned>(date.month()));
  put_digits(text + 8, 2, static_cast<unsigned>(date.day()));
  put_digits(text + 11, 2, of_day / 3600);
  put_digits(text + 14, 2, of_day / 60 % 60);
  put_digits(text + 17, 2, of_day % 60);
  put_digits(text + 20, 6, static_cast<std::uint32_t>(fraction_us));
  out.append(text, kTextSize);
}

std::string format_rfc3339(TimePoint t) {
  std::string out;
  out.reserve(kTextSize);
  append_rfc3339(out, t);
  return out;
}

std::optional<TimePoint> parse_rfc3339(std::string_view text) {
  Scanner in{text};
  const int y = in.number(4, 0, 9999);
  in.expect('-');
  const int m = in.number(2, 1, 12);
  in.expect('-');
  const int d = in.number(2, 1, 31);
  if (!in.accept('T')) in.expect('t');
  const int hour = in.number(2, 0, 23);
  in.expect(':');
  const int minute = in.number(2, 0, 59);
  in.expect(':');
  const int second = in.number(2, 0, 59);
  const std::int64_t fraction_us = in.accept('.') ? in.fraction_us() : 0;
  const std::chrono::minutes offset = parse_offset(in);
  if (!in.ok || !in.rest.empty()) return std::nullopt;

  const year_month_day date{year{y} / m / d};
  if (!date.ok()) return std::nullopt;
  const TimePoint t = sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
                      std::chrono::seconds{second} + std::chrono::microseconds{fraction_us} - offset;
  // The offset may have carried it out of what can be formatted again.
  if (t < kEarliest || t > kLatest) return std::nullopt;
  return t;
}

}  // namespace flashsale
