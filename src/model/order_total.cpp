#include "flashsale/model/order_total.hpp"

namespace flashsale {

std::optional<Money> order_total(std::span<const OrderLine> lines, const Sale& sale) {
  std::optional<Money> total;
  for (const auto& line : lines) {
    const auto* item = sale.find_item(line.item_no);
    if (!item) return std::nullopt;
    if (!total) total = Money{0, item->price.currency};
    std::int64_t cost = 0;
    const bool too_high = __builtin_mul_overflow(item->price.amount, line.quantity, &cost) ||
                          __builtin_add_overflow(total->amount, cost, &total->amount);
    if (too_high || item->price.currency != total->currency) return std::nullopt;
  }
  return total;
}

}  // namespace flashsale
