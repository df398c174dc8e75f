#pragma once
#include <optional>
#include <string>

#include "flashsale/model/event_type.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/pqxx.hpp"

namespace flashsale::postgres {

/// A change of an item's stock that an event tells of.
struct StockMoved {
  std::string sku;
  std::int64_t delta = 0;
};

/// Leaves an event of a sale, whose row is locked, in the transaction that has changed it: the sale as it stands then.
/// `new_state`: if it tells of one. Nothing where events are not left.
void tell_of_sale(pqxx::transaction_base& tx, const Sale& sale, EventType type,
                  const std::optional<SaleState>& new_state = std::nullopt,
                  const std::optional<StockMoved>& moved = std::nullopt);

/// What events have last told of a sale, and its state now, by PostgreSQL's clock.
struct SaleTold {
  SaleState state = SaleState::scheduled;
  bool sold_out = false;
  SaleState state_now = SaleState::scheduled;
};
[[nodiscard]] SaleTold read_told(pqxx::transaction_base& tx, const Sale& sale);

/// Whether every unit is sold.
[[nodiscard]] bool is_sold_out(const Sale& sale);

}  // namespace flashsale::postgres
