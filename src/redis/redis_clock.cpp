#include "flashsale/redis/redis_clock.hpp"

namespace flashsale::redis {
namespace {

Result<TimePoint> read_time(ReplyView reply) {
  const std::int64_t seconds = reply[0].number();
  const std::int64_t us = reply[1].number();
  if (seconds < 0 || seconds > kClockMaxS || us < 0 || us >= 1'000'000) return TimePoint{};
  return from_unix_us(seconds * 1'000'000 + us);
}

}  // namespace

Call<TimePoint> read_clock() { return {Command{"TIME"}, Reader(read_time)}; }

}  // namespace flashsale::redis
