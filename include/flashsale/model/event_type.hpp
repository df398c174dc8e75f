#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/sale.hpp"

namespace flashsale {

/// What an event tells. Numbers are stored in PostgreSQL (outbox.type), those of orders are the status that the order
/// has got: never renumber.
enum class EventType : std::uint8_t {
  order_confirmed = 1,
  order_awaiting_payment = 2,
  order_cancelled = 3,
  order_expired = 4,
  order_rejected = 5,
  order_refund_required = 6,
  sale_created = 10,
  sale_changed = 11,
  sale_opened = 12,
  sale_paused = 13,
  sale_sold_out = 14,
  sale_restocked = 15,
  sale_closed = 16,
  customer_erased = 20,
  webhook_disabled = 21,
  ping = 22,
};

/// As in the `type` of its CloudEvent: `flashsale.order.confirmed`.
[[nodiscard]] std::string_view to_string(EventType type);
[[nodiscard]] std::optional<EventType> parse_event_type(std::string_view text);
/// All that there are.
[[nodiscard]] std::vector<EventType> event_types();

/// Of an order that has got this status; `pending` is none that anybody is told of, and is asserted against.
[[nodiscard]] EventType event_of(OrderStatus status);
/// Of a sale that has got this state.
[[nodiscard]] EventType event_of(SaleState state);

[[nodiscard]] constexpr bool is_of_an_order(EventType type) { return type <= EventType::order_refund_required; }
[[nodiscard]] constexpr bool is_of_a_sale(EventType type) {
  return type >= EventType::sale_created && type <= EventType::sale_closed;
}

}  // namespace flashsale
