#include "flashsale/model/event_type.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "flashsale/model/check.hpp"

namespace flashsale {
namespace {

using Named = std::pair<EventType, std::string_view>;

constexpr auto kNames = std::to_array<Named>({
    {EventType::order_confirmed, "flashsale.order.confirmed"},
    {EventType::order_awaiting_payment, "flashsale.order.awaiting_payment"},
    {EventType::order_cancelled, "flashsale.order.cancelled"},
    {EventType::order_expired, "flashsale.order.expired"},
    {EventType::order_rejected, "flashsale.order.rejected"},
    {EventType::order_refund_required, "flashsale.order.refund_required"},
    {EventType::sale_created, "flashsale.sale.created"},
    {EventType::sale_changed, "flashsale.sale.changed"},
    {EventType::sale_opened, "flashsale.sale.opened"},
    {EventType::sale_paused, "flashsale.sale.paused"},
    {EventType::sale_sold_out, "flashsale.sale.sold_out"},
    {EventType::sale_restocked, "flashsale.sale.restocked"},
    {EventType::sale_closed, "flashsale.sale.closed"},
    {EventType::customer_erased, "flashsale.customer.erased"},
    {EventType::webhook_disabled, "flashsale.webhook.disabled"},
    {EventType::ping, "flashsale.ping"},
});

}  // namespace

std::string_view to_string(EventType type) {
  const auto found = std::ranges::find(kNames, type, &Named::first);
  FLASHSALE_CHECK(found != kNames.end());
  return found->second;
}

std::optional<EventType> parse_event_type(std::string_view text) {
  const auto found = std::ranges::find(kNames, text, &Named::second);
  if (found == kNames.end()) return std::nullopt;
  return found->first;
}

std::vector<EventType> event_types() {
  std::vector<EventType> types;
  types.reserve(kNames.size());
  for (const auto& named : kNames) types.push_back(named.first);
  return types;
}

EventType event_of(OrderStatus status) {
  FLASHSALE_CHECK(status != OrderStatus::pending);
  return static_cast<EventType>(status);
}

EventType event_of(SaleState state) {
  switch (state) {
    case SaleState::open: return EventType::sale_opened;
    case SaleState::paused: return EventType::sale_paused;
    case SaleState::closed: return EventType::sale_closed;
    case SaleState::scheduled: break;
  }
  return EventType::sale_changed;
}

}  // namespace flashsale
