#pragma once
#include <optional>
#include <span>

#include "flashsale/model/money.hpp"
#include "flashsale/model/order_line.hpp"
#include "flashsale/model/sale.hpp"

namespace flashsale {

/// What the lines cost at the sale's prices. Empty when that cannot be said: their items have several currencies, are
/// not the sale's, or it is more than 64 bits can hold.
[[nodiscard]] std::optional<Money> order_total(std::span<const OrderLine> lines, const Sale& sale);

}  // namespace flashsale
