#pragma once
#include "flashsale/model/order.hpp"
#include "flashsale/redis/command.hpp"

namespace flashsale::redis {

/// Item number and quantity of each line, as `release` and `retake` take them.
void add_lines(Command& command, const Order& order);

}  // namespace flashsale::redis
