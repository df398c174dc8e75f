#pragma once
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/postgres/pqxx.hpp"

namespace flashsale::postgres {

/// A timestamptz as sessions print it (ISO, UTC): 2026-01-02 03:04:05.000006+00. Throws pqxx::conversion_error.
[[nodiscard]] TimePoint read_time(const pqxx::field& field);

/// The columns order_id, item_no, customer_id, quantity, status, created_at, expires_at, reason, generation,
/// refund_required, more_items, more_quantities, at the row's start. Others stand behind them, from kOrderColumns on.
inline constexpr int kOrderColumns = 12;
[[nodiscard]] Order read_order(const pqxx::row& row);

/// Throws pqxx::conversion_error when the field holds no UUID.
[[nodiscard]] OrderId read_order_id(const pqxx::field& field);
/// Those of a uuid[], as the server prints it: `{a,b}`. Throws as the one above.
[[nodiscard]] std::vector<OrderId> read_order_ids(const pqxx::field& field);

}  // namespace flashsale::postgres
