#pragma once
#include <optional>
#include <string_view>

#include "flashsale/model/money.hpp"
#include "flashsale/model/order.hpp"
#include "flashsale/postgres/pqxx.hpp"

namespace flashsale::postgres {

/// Money that has to go back.
struct RequiredRefund {
  std::string_view payment_id;
  Money paid;
  std::string_view reason;
};

/// What a transaction has made of one order. It owns nothing: it is looked at once, while the call lasts.
struct OrderChange {
  OrderId id;
  OrderStatus before = OrderStatus::pending;  ///< `pending`: it had no row
  OrderStatus after = OrderStatus::pending;
  std::string_view reason;
  const RequiredRefund* refund = nullptr;  ///< what has happened is that it was marked, its status is as before
};

/// Of an order that had no row.
[[nodiscard]] inline OrderChange first_row(const Order& order) {
  return {order.id, OrderStatus::pending, order.status, order.reason, nullptr};
}
[[nodiscard]] inline OrderChange change_of(const Order& before, OrderStatus after, std::string_view reason = {}) {
  return {before.id, before.status, after, reason, nullptr};
}

/// Tells the shop's systems, in this transaction.
void tell_of_refund(pqxx::transaction_base& tx, const OrderChange& change);

/// Every change of an order's status passes here, in the transaction that makes it and before its commit: whoever is to
/// be told of orders is told from here, of all that is committed and of nothing else. (tests/unit/style_test.py knows
/// each statement that changes a status, and who notes it.)
inline void note_change(pqxx::transaction_base& tx, const OrderChange& change) {
  if (change.refund != nullptr) tell_of_refund(tx, change);
}
/// Of a batch, handed in as what is there, with how one of it is read: `to_change` gives an OrderChange, or none of one
/// that has not changed. So where nobody is to be told it costs nothing.
template <class Batch, class ToChange>
void note_change(pqxx::transaction_base& tx, const Batch& batch, const ToChange& to_change) {
  for (const auto& one : batch) {
    if (const std::optional<OrderChange> change = to_change(one)) note_change(tx, *change);
  }
}

}  // namespace flashsale::postgres
