#pragma once
#include <optional>
#include <string>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/postgres/pqxx.hpp"

namespace flashsale::postgres {

/// Of these orders, given as an array literal, those that are archived. An order goes from the one table to the other
/// and never back: whoever has not found it in a statement before finds it here.
[[nodiscard]] std::vector<Order> read_archived(pqxx::transaction_base& tx, std::int32_t sale_no,
                                               const std::string& ids);

/// For a row that this transaction has inserted and nobody has seen: should the order be archived, the row goes again,
/// since it must not stand in both tables, and the archived one is what there is.
[[nodiscard]] std::optional<Order> give_way_to_archived(pqxx::transaction_base& tx, const OrderId& id);

}  // namespace flashsale::postgres
