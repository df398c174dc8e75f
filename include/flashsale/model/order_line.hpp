#pragma once
#include <algorithm>
#include <boost/container/static_vector.hpp>
#include <cstddef>
#include <cstdint>

namespace flashsale {

/// The most units that a line may ask for; larger quantities are 422 invalid-quantity.
inline constexpr std::int32_t kMaxOrderQuantity = 1'000'000;

/// The most lines that an order may have.
inline constexpr std::size_t kMaxOrderLines = 10;

/// So many units of one item.
struct OrderLine {
  std::int32_t item_no = 0;
  std::int32_t quantity = 0;

  bool operator==(const OrderLine&) const = default;
};

/// The lines of an order, all of one sale: in the order of item_no, each item once, so that equal orders have equal
/// lines and whoever locks items in their order locks them as all others do. They stand inside the order: one line,
/// which nearly every order has, costs no memory of its own. To add one beyond the most there may be throws.
using OrderLines = boost::container::static_vector<OrderLine, kMaxOrderLines>;

/// Of one item; 0 when there is no line of it.
[[nodiscard]] inline std::int32_t units_of(const OrderLines& lines, std::int32_t item_no) {
  const auto line = std::ranges::find(lines, item_no, &OrderLine::item_no);
  return line == lines.end() ? 0 : line->quantity;
}

}  // namespace flashsale
