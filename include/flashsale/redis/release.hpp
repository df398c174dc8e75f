#pragma once
#include <cstdint>

#include "flashsale/model/order.hpp"
#include "flashsale/redis/call.hpp"
#include "flashsale/redis/fence.hpp"

namespace flashsale::redis {

enum class ReleaseOutcome : std::uint8_t { lost, absent, already, done };
/// `order.status` tells whether it was left unpaid: those count. Without `give_back`, of an order that is `rejected`,
/// the key is free afterwards.
[[nodiscard]] Call<ReleaseOutcome> release(const Fence& fence, const Order& order, bool give_back);

}  // namespace flashsale::redis
