#pragma once
#include <cstdint>
#include <set>
#include <span>
#include <string>

#include "flashsale/model/order_id.hpp"
#include "flashsale/postgres/pqxx.hpp"

namespace flashsale::postgres {

/// Of these sales, each by the id at which the customer's range begins in it, those in which the customer has orders.
/// One statement, since it is asked of many.
[[nodiscard]] std::set<std::int32_t> sales_with_orders(pqxx::transaction_base& tx, const std::string& customer_id,
                                                       std::span<const OrderId> firsts);

}  // namespace flashsale::postgres
