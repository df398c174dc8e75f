#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "flashsale/model/order.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::checkout {

enum class RetakeEnd : std::uint8_t {
  confirmed,
  no_units,  ///< nothing is left for it, or its customer has as many as one may have
  later,     ///< a store, or the sale's epoch, is on the move: to be tried again
  drifted,   ///< Redis had believed in units that PostgreSQL does not have: the sale needs a correction
};

/// Takes the units of an ended order again and confirms it, for a payment that came late (PROTOCOL R11, R16): Redis and
/// its pending log first, then PostgreSQL. Blocking. `row` as it stands, `given_back` as its row says.
[[nodiscard]] RetakeEnd retake(workers::Stores& stores, const Sale& sale, const Order& row, bool given_back);

/// Second half of the above, for an order that Redis has taken again under the sale's epoch; its entry in the pending
/// log goes when that is settled.
[[nodiscard]] RetakeEnd finish_retake(workers::Stores& stores, const Sale& sale, const Order& taken,
                                      const std::string& entry_id);

}  // namespace flashsale::checkout
