#pragma once
#include <chrono>
#include <cstdint>

namespace flashsale::events {

/// Time from the failure of an attempt to the next one, as Standard Webhooks proposes it: 5 s, 5 min, 30 min, 2 h, 5 h,
/// 10 h, 14 h, 20 h, and 24 h from then on. `failures`: how many attempts have failed, from 1. `chance` from 0 to 1
/// spreads it by a tenth to either side, so that what failed together does not come again together.
[[nodiscard]] std::chrono::milliseconds retry_delay(std::int32_t failures, double chance);

}  // namespace flashsale::events
