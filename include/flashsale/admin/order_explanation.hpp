#pragma once
#include <span>
#include <string>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/order_story.hpp"

namespace flashsale::admin {

/// What was decided about an order, when, and why, in plain words: its first line says what it is, then one line for
/// each moment. `sale`: null when it is not known (any more).
[[nodiscard]] std::vector<std::string> explain_order(const Order& order, const Sale* sale,
                                                     std::span<const postgres::OrderMoment> moments);

}  // namespace flashsale::admin
