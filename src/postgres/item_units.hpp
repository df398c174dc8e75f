#pragma once
#include <cstdint>
#include <map>

#include "flashsale/model/order.hpp"
#include "flashsale/postgres/pqxx.hpp"

namespace flashsale::postgres {

/// Units by item of one sale, in the order in which the items' rows are locked, everywhere.
using ItemUnits = std::map<std::int32_t, std::int64_t>;

void add_units(ItemUnits& units, const Order& order);

/// Takes units of orders that have just ended, in this transaction, off their items' `sold`.
void free_units(pqxx::transaction_base& tx, std::int32_t sale_no, const ItemUnits& units);
void free_units(pqxx::transaction_base& tx, const Order& ended);

}  // namespace flashsale::postgres
