#pragma once
#include <map>
#include <span>
#include <string>

#include "flashsale/model/order.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/order_writer.hpp"

namespace flashsale::catalog {

// A log that has been out of sight for some epochs was written without knowing what its customers bought elsewhere
// since. Such a log is drained only when PostgreSQL is older than it was, too, and does not know that it was given up.
// What of it goes beyond a customer's limit: values alone. `rows` are all orders of the customers in the sale.

/// Who has ordered an item with a limit, each with the id of an order. (A name that PostgreSQL cannot take is the
/// writer's to refuse.)
[[nodiscard]] std::map<std::string, OrderId> find_limited_customers(const Sale& sale,
                                                                    std::span<const postgres::NewOrder> orders);

/// Those that go beyond a limit, in the order in which Redis has accepted them, become rejected ones.
void refuse_above_limit(const Sale& sale, std::span<const Order> rows, std::span<postgres::NewOrder> orders);
/// May the order have its units again, beside what its customer has?
[[nodiscard]] bool is_within_limit(const Sale& sale, std::span<const Order> rows, const Order& taken);

}  // namespace flashsale::catalog
