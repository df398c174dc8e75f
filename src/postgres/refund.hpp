#pragma once
#include <string_view>

#include "flashsale/model/money.hpp"
#include "flashsale/model/order_id.hpp"
#include "flashsale/postgres/pqxx.hpp"

namespace flashsale::postgres {

/// Marks the order, in this transaction: the money of this payment has to go back. Noted once for each payment.
/// `card_hash` of what it was paid with, if that is to be told.
void require_refund(pqxx::transaction_base& tx, const OrderId& order_id, std::string_view payment_id, const Money& paid,
                    std::string_view reason, std::string_view card_hash = {});

/// The same for an order that has just been cancelled, if it had been paid.
void refund_cancelled(pqxx::transaction_base& tx, const OrderId& order_id);

}  // namespace flashsale::postgres
