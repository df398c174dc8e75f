#include "flashsale/redis/reply.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "flashsale/redis/pulse.hpp"
#include "flashsale/redis/redis_clock.hpp"
#include "unit/redis_wire.hpp"

namespace flashsale::redis {
namespace {

using testing::reply_of;

TimePoint clock_of(const std::string& seconds, const std::string& microseconds) {
  return read_clock().read(ReplyView(reply_of("*2\r\n+" + seconds + "\r\n+" + microseconds + "\r\n").get())).value();
}

std::optional<TimePoint> oldest_entry_of(const std::string& entry_id) {
  const auto reply = reply_of("*6\r\n+ok\r\n+i\r\n:1\r\n:1\r\n:1\r\n+" + entry_id + "\r\n");
  return pulse("sale", 1).read(ReplyView(reply.get()))->oldest_entry_at;
}

TEST(ReplyView, PartsThatAreMissingAreEmpty) {
  const ReplyView nothing;
  EXPECT_TRUE(nothing.is_nil());
  EXPECT_TRUE(nothing[3][4].is_nil());
  EXPECT_EQ(nothing.text(), "");
  EXPECT_EQ(nothing.number(), 0);
  const auto reply = reply_of("*2\r\n$2\r\n17\r\n:-3\r\n");
  EXPECT_EQ(ReplyView(reply.get())[0].number(), 17);
  EXPECT_EQ(ReplyView(reply.get())[1].number(), -3);
  EXPECT_TRUE(ReplyView(reply.get())[2].is_nil());
}

TEST(ReadClock, IsTheMomentOrNone) {
  EXPECT_EQ(clock_of("1767225600", "000005"), from_unix_us(1'767'225'600'000'005));
  EXPECT_EQ(clock_of("253402300799", "999999"), from_unix_us(253'402'300'799'999'999));
}

TEST(ReadClock, NumbersThatNoClockShowsAreNone) {
  EXPECT_EQ(clock_of("9223372036854775807", "0"), TimePoint{});
  EXPECT_EQ(clock_of("-9223372036854775808", "0"), TimePoint{});
  EXPECT_EQ(clock_of("253402300800", "0"), TimePoint{});
  EXPECT_EQ(clock_of("1", "9223372036854775807"), TimePoint{});
  EXPECT_EQ(clock_of("1", "-1"), TimePoint{});
}

TEST(ReadPulse, TheOldestEntryIsTheMomentOrNone) {
  EXPECT_EQ(oldest_entry_of("1767225600000-0"), from_unix_us(1'767'225'600'000'000));
  EXPECT_FALSE(oldest_entry_of(""));
  EXPECT_FALSE(oldest_entry_of("x"));
  EXPECT_FALSE(oldest_entry_of("9223372036854775807-0"));
  EXPECT_FALSE(oldest_entry_of("-1-0"));
}

}  // namespace
}  // namespace flashsale::redis
