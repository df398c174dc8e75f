#pragma once
#include <cstdint>

#include "flashsale/model/time.hpp"
#include "flashsale/redis/call.hpp"

namespace flashsale::redis {

/// The last second that a clock may show: the end of the year 9999, whose microseconds fit in 64 bits.
inline constexpr std::int64_t kClockMaxS = 253'402'300'799;

/// Redis's clock, the one clock for selling (PROTOCOL R15). The epoch when the reply is no moment.
[[nodiscard]] Call<TimePoint> read_clock();

}  // namespace flashsale::redis
