#pragma once
#include <string>

#include "flashsale/model/order.hpp"
#include "flashsale/model/sale.hpp"

namespace flashsale {

enum class OrderAudience { buyer, admin };

/// An order as a JSON object; the admin's has `customer_id` too. False, with half of it appended, when the sale does
/// not have all the order's items: after stores were restored from backups a number can have become another sale's.
[[nodiscard]] bool append_order(std::string& out, const Order& order, const Sale& sale, OrderAudience audience);

}  // namespace flashsale
