#pragma once
#include <pqxx/pqxx>

#include <string>
#include <vector>

#include "flashsale/model/order.hpp"

namespace flashsale::postgres {

/// Of these orders, given as an array literal, those that are archived. An order goes from the one table to the other
/// and never back: whoever has not found it in a statement before finds it here.
[[nodiscard]] std::vector<Order> read_archived(pqxx::transaction_base& tx, const std::string& ids);

}  // namespace flashsale::postgres
