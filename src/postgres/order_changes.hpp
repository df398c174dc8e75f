#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "flashsale/model/money.hpp"
#include "flashsale/model/order.hpp"
#include "flashsale/postgres/outbox.hpp"
#include "flashsale/postgres/pqxx.hpp"
#include "outbox_rows.hpp"

namespace flashsale::postgres {

/// Of an order that had no row, whose window to pay ends then.
[[nodiscard]] inline OrderChange first_row(const Order& order, const std::optional<TimePoint>& expires_at) {
  return {order.id, 1, order.status, order.reason, expires_at, &order, nullptr};
}
[[nodiscard]] inline OrderChange change_of(const Order& before, std::int32_t change_no, OrderStatus after,
                                           std::string_view reason = {}) {
  return {before.id, change_no, after, reason, std::nullopt, &before, nullptr};
}

/// Every change of an order's status passes here, in the transaction that makes it and before its commit: whoever is to
/// be told of orders is told from here, of all that is committed and of nothing else. (tests/unit/style_test.py knows
/// each statement that changes a status, and who notes it.) All of one sale.
inline void note_change(pqxx::transaction_base& tx, const OrderChange& change) {
  if (!leaves_events()) return;
  OutboxRows rows;
  rows.add(change);
  rows.insert(tx, change.id.sale_no());
}
/// Of a batch, handed in as what is there, with how one of it is read: `to_change` gives an OrderChange, or none of one
/// that has not changed. So where nobody is to be told it costs nothing.
template <class Batch, class ToChange>
[[nodiscard]] OutboxRows changes_of(const Batch& batch, const ToChange& to_change) {
  OutboxRows rows;
  if (!leaves_events()) return rows;
  for (const auto& one : batch) {
    if (const std::optional<OrderChange> change = to_change(one)) rows.add(*change);
  }
  return rows;
}
template <class Batch, class ToChange>
void note_change(pqxx::transaction_base& tx, std::int32_t sale_no, const Batch& batch, const ToChange& to_change) {
  auto rows = changes_of(batch, to_change);
  if (!rows.empty()) rows.insert(tx, sale_no);
}

}  // namespace flashsale::postgres
