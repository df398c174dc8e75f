#pragma once
#include <concepts>
#include <cstdint>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>

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
  std::int32_t item_no = 0;                   ///< of its first line, which leads to the sale; 0: it is not written yet
  OrderStatus before = OrderStatus::pending;  ///< `pending`: it had no row
  OrderStatus after = OrderStatus::pending;
  std::string_view reason;
  const RequiredRefund* refund = nullptr;  ///< what has happened is that it was marked, its status is as before
};

/// Of an order that had no row.
[[nodiscard]] inline OrderChange first_row(const Order& order) {
  return {order.id, order.lines.front().item_no, OrderStatus::pending, order.status, order.reason, nullptr};
}
[[nodiscard]] inline OrderChange change_of(const Order& before, OrderStatus after, std::string_view reason = {}) {
  return {before.id, before.lines.front().item_no, before.status, after, reason, nullptr};
}

template <class Range>
concept OrderChanges = std::ranges::input_range<Range> &&
    std::same_as<std::remove_cvref_t<std::ranges::range_reference_t<Range>>, OrderChange>;

/// Tells the shop's systems, in this transaction.
void tell_of_refund(pqxx::transaction_base& tx, const OrderChange& change);

/// Every change of an order's status passes here, in the transaction that makes it and before its commit: whoever is to
/// be told of orders is told from here, of all that is committed and of nothing else. A batch is handed in as a view of
/// what is there, so that where nobody is to be told it costs nothing. (tests/unit/style_test.py knows each statement
/// that changes a status, and who notes it.)
template <OrderChanges Changes>
void note_change(pqxx::transaction_base& tx, Changes&& changes) {
  for (const OrderChange& change : changes) {
    if (change.refund != nullptr) tell_of_refund(tx, change);
  }
}
inline void note_change(pqxx::transaction_base& tx, const OrderChange& change) {
  note_change(tx, std::span(&change, 1));
}

}  // namespace flashsale::postgres
