#include "flashsale/model/order.hpp"

#include <array>
#include <cstddef>

#include "flashsale/model/check.hpp"

namespace flashsale {
namespace {

// In the order of the numbers.
constexpr std::array<std::string_view, 6> kNames{"pending",   "confirmed", "awaiting_payment",
                                                 "cancelled", "expired",   "rejected"};

}  // namespace

std::string_view to_string(OrderStatus status) {
  const auto index = static_cast<std::size_t>(status);
  FLASHSALE_CHECK(index < kNames.size());
  return kNames[index];
}

std::optional<OrderStatus> parse_order_status(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == text) return static_cast<OrderStatus>(i);
  }
  return std::nullopt;
}

}  // namespace flashsale
