#pragma once
#include <cstdint>

#include "flashsale/model/order.hpp"

namespace flashsale::postgres {

enum class WriteOutcome : std::uint8_t {
  committed,    ///< inserted now, and committed
  existing,     ///< a row of this id was already there; `row` is that row, whatever its lines and status
  rejected,     ///< does not fit `stock` at the current epoch, or a row that PostgreSQL cannot take: a `rejected`
                ///< row with a reason stands now. Redis has drifted (PROTOCOL R11)
  recorded,     ///< it was handed in as `rejected`, with a reason: the row stands now, and took no units
  stale_epoch,  ///< the sale's epoch has moved on: nothing was written; reserve it again
};

/// PostgreSQL's last word on an order that Redis has accepted.
struct WriteResult {
  WriteOutcome outcome = WriteOutcome::committed;
  Order row;  ///< the row as it stands now (empty for stale_epoch)
};

}  // namespace flashsale::postgres
