#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/model/order_id.hpp"
#include "flashsale/model/order_line.hpp"
#include "flashsale/model/time.hpp"

namespace flashsale {

/// Numbers are stored in PostgreSQL (orders.status): never renumber.
enum class OrderStatus : std::uint8_t {
  pending = 0,  ///< taken in Redis, not yet in PostgreSQL; never stored as a row
  confirmed = 1,
  awaiting_payment = 2,
  cancelled = 3,
  expired = 4,
  rejected = 5,
};

[[nodiscard]] std::string_view to_string(OrderStatus status);
[[nodiscard]] std::optional<OrderStatus> parse_order_status(std::string_view text);

/// A live order owns the units of its lines.
[[nodiscard]] constexpr bool is_live(OrderStatus s) {
  return s == OrderStatus::pending || s == OrderStatus::confirmed || s == OrderStatus::awaiting_payment;
}

/// An order as the stores hold it; the number of any item of it leads to sale, SKU and price.
struct Order {
  OrderId id;
  OrderLines lines;  ///< at least one
  std::string customer_id;
  OrderStatus status = OrderStatus::pending;
  TimePoint created_at{};  ///< when Redis accepted it, by Redis TIME
  std::optional<TimePoint> expires_at;
  std::string reason;            ///< why rejected or cancelled; else empty
  std::int32_t generation = 0;   ///< how often its units were taken again for a late payment (PROTOCOL R3, R16)
  bool refund_required = false;  ///< money came for it that it is not, or no longer, worth
};

}  // namespace flashsale
