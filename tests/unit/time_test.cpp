#include "flashsale/model/time.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <random>
#include <string>

namespace flashsale {
namespace {

TEST(TimeTest, FormatsWithSixDigits) {
  EXPECT_EQ(format_rfc3339(from_unix_us(0)), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_rfc3339(from_unix_us(1)), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(format_rfc3339(from_unix_us(-1)), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_rfc3339(from_unix_us(1'767'323'045'000'006)), "2026-01-02T03:04:05.000006Z");
  EXPECT_EQ(format_rfc3339(from_unix_us(951'782'400'000'000)), "2000-02-29T00:00:00.000000Z");
  std::string out = "at ";
  append_rfc3339(out, from_unix_us(0));
  EXPECT_EQ(out, "at 1970-01-01T00:00:00.000000Z");
}

TEST(TimeTest, FormatsTheEdgesAndStaysInside) {
  const auto first = parse_rfc3339("0000-01-01T00:00:00Z");
  const auto last = parse_rfc3339("9999-12-31T23:59:59.999999Z");
  ASSERT_TRUE(first && last);
  EXPECT_EQ(format_rfc3339(*first), "0000-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_rfc3339(*last), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_rfc3339(TimePoint::min()), "0000-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_rfc3339(TimePoint::max()), "9999-12-31T23:59:59.999999Z");
}

TEST(TimeTest, AgreesWithTheSystemsCalendar) {
  std::mt19937_64 random(7);
  std::uniform_int_distribution<std::int64_t> us(-62'000'000'000'000'000, 253'000'000'000'000'000);
  for (int i = 0; i < 20'000; ++i) {
    const TimePoint t = from_unix_us(us(random));
    const auto whole = std::chrono::floor<std::chrono::seconds>(t);
    const std::time_t seconds = whole.time_since_epoch().count();
    std::tm fields{};
    ASSERT_NE(gmtime_r(&seconds, &fields), nullptr);
    char expected[64];
    std::snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", fields.tm_year + 1900,
                  fields.tm_mon + 1, fields.tm_mday, fields.tm_hour, fields.tm_min, fields.tm_sec,
                  static_cast<int>((t - whole).count()));
    ASSERT_EQ(format_rfc3339(t), expected);
    ASSERT_EQ(parse_rfc3339(expected), t);
  }
}

TEST(TimeTest, ParsesOffsetsAndFractions) {
  const TimePoint moment = from_unix_us(1'767'323'045'000'000);  // 2026-01-02T03:04:05Z
  using std::chrono::microseconds;
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05Z"), moment);
  EXPECT_EQ(parse_rfc3339("2026-01-02t03:04:05z"), moment);
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05+00:00"), moment);
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05-00:00"), moment);
  EXPECT_EQ(parse_rfc3339("2026-01-02T08:34:05+05:30"), moment);
  EXPECT_EQ(parse_rfc3339("2026-01-01T20:04:05-07:00"), moment);
  EXPECT_EQ(parse_rfc3339("2026-01-03T03:03:05+23:59"), moment);
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.5Z"), moment + microseconds{500'000});
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.000001Z"), moment + microseconds{1});
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.123456789Z"), moment + microseconds{123'456});
  EXPECT_EQ(parse_rfc3339("2024-02-29T00:00:00Z").has_value(), true);
}

TEST(TimeTest, RefusesWhatIsNoMoment) {
  for (const char* text : {"",
                           "2026",
                           "2026-01-02",
                           "2026-01-02T03:04:05",
                           "2026-01-02 03:04:05Z",
                           "2026-01-02T03:04Z",
                           "2026-01-02T03:04:05.Z",
                           "2026-01-02T03:04:05.1234567890Z",
                           "2026-01-02T03:04:05,5Z",
                           "2026-13-02T03:04:05Z",
                           "2026-00-02T03:04:05Z",
                           "2026-01-00T03:04:05Z",
                           "2026-01-32T03:04:05Z",
                           "2026-02-29T03:04:05Z",
                           "2100-02-29T00:00:00Z",
                           "2026-04-31T00:00:00Z",
                           "2026-01-02T24:00:00Z",
                           "2026-01-02T03:60:05Z",
                           "2026-01-02T03:04:60Z",
                           "2016-12-31T23:59:60Z",
                           "2026-01-02T03:04:05+24:00",
                           "2026-01-02T03:04:05+01:60",
                           "2026-01-02T03:04:05+0100",
                           "2026-01-02T03:04:05+1",
                           "2026-01-02T03:04:05Zx",
                           " 2026-01-02T03:04:05Z",
                           "2026-01-02T03:04:05 Z",
                           "+2026-01-02T03:04:05Z",
                           "-001-01-02T03:04:05Z",
                           "2026-1-2T03:04:05Z",
                           "12026-01-02T03:04:05Z",
                           "0000-01-01T00:00:00+00:01",
                           "9999-12-31T23:59:59-00:01",
                           "2026-01-02T03:04:-5Z",
                           "202x-01-02T03:04:05Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
  EXPECT_FALSE(parse_rfc3339(std::string("2026-01-02T03:04:05Z\0", 21)));
}

}  // namespace
}  // namespace flashsale
