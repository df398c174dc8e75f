#pragma once
#include <pqxx/pqxx>

#include "flashsale/model/order.hpp"

namespace flashsale::postgres {

/// Takes the units of an order that has just ended, in this transaction, off its item's `sold`.
void return_units(pqxx::transaction_base& tx, const Order& ended);

}  // namespace flashsale::postgres
