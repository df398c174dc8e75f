#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/model/order.hpp"
#include "flashsale/model/request_id.hpp"
#include "flashsale/telemetry/trace.hpp"

namespace flashsale::checkout {

/// An order that somebody wants to place.
struct Placement {
  std::shared_ptr<const catalog::SaleSnapshot> sale;
  OrderId id;
  OrderLines lines;  ///< of items of the sale
  std::string customer_id;
  std::chrono::milliseconds wait{2000};  ///< for the commit; 0: answer as soon as Redis has taken it
  RequestId request_id;                  ///< of the request, which may be over before the order is
  telemetry::TraceContext trace;         ///< its span; none while tracing is off
  std::string client{};                  ///< its client_network(); empty where nobody is told of it
  std::string client_hash{};             ///< of that, once Redis is asked for the order
};

/// Whether a row under its id is its order. It can be another's, although the id is made of the customer's: of one who
/// was erased.
[[nodiscard]] bool is_of(const Placement& placement, const Order& row);

/// How a checkout ends. All but the last three are normal outcomes.
enum class PlacementOutcome : std::uint8_t {
  committed,   ///< this call's order stands in PostgreSQL
  taken,       ///< the order stands in the pending log and will be written
  replayed,    ///< the key's order was there already; `order` is it as it stands now
  key_reused,  ///< the key's order has other lines
  sold_out,
  limit_exceeded,        ///< units of an item
  order_limit_exceeded,  ///< orders of the sale
  unpaid_pause,          ///< the last ones were left unpaid: not now
  sale_not_open,
  unknown_item,
  overloaded,       ///< given before any stock was touched
  unavailable,      ///< nothing was changed
  outcome_unknown,  ///< it may stand: the same key or a poll finds out
};

/// Their names, in the order of the enumeration: labels of metrics, reasons in reports.
inline constexpr std::array<std::string_view, 13> kPlacementOutcomes{"committed",
                                                                     "taken",
                                                                     "replayed",
                                                                     "key_reused",
                                                                     "sold_out",
                                                                     "limit_exceeded",
                                                                     "order_limit_exceeded",
                                                                     "unpaid_pause",
                                                                     "sale_not_open",
                                                                     "unknown_item",
                                                                     "overloaded",
                                                                     "unavailable",
                                                                     "outcome_unknown"};
static_assert(kPlacementOutcomes.size() == static_cast<std::size_t>(PlacementOutcome::outcome_unknown) + 1);

[[nodiscard]] constexpr std::string_view to_string(PlacementOutcome outcome) {
  return kPlacementOutcomes[static_cast<std::size_t>(outcome)];
}

/// The client has no order by this answer. Without a default: the compiler asks for every new outcome.
[[nodiscard]] constexpr bool is_refusal(PlacementOutcome outcome) {
  switch (outcome) {
    case PlacementOutcome::committed:
    case PlacementOutcome::taken:
    case PlacementOutcome::replayed: return false;
    case PlacementOutcome::key_reused:
    case PlacementOutcome::sold_out:
    case PlacementOutcome::limit_exceeded:
    case PlacementOutcome::order_limit_exceeded:
    case PlacementOutcome::unpaid_pause:
    case PlacementOutcome::sale_not_open:
    case PlacementOutcome::unknown_item:
    case PlacementOutcome::overloaded:
    case PlacementOutcome::unavailable:
    case PlacementOutcome::outcome_unknown: return true;
  }
  return true;
}

struct PlacementResult {
  PlacementOutcome outcome = PlacementOutcome::unavailable;
  Order order;
  telemetry::OrderTrace* trace = nullptr;  ///< of an order that got its permit, for as long as the callback runs
};

/// Told the outcome, once.
using PlacementCallback = std::function<void(const PlacementResult&)>;

}  // namespace flashsale::checkout
