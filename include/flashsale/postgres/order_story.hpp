#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flashsale/model/event_type.hpp"
#include "flashsale/model/money.hpp"
#include "flashsale/model/order_id.hpp"
#include "flashsale/model/payment.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// One thing that has happened to an order.
struct OrderMoment {
  /// Numbers are those of order_story.sql.
  enum class Kind : std::uint8_t {
    accepted = 0,  ///< by Redis
    changed = 1,   ///< the commit of a change; the oldest are not kept as long as orders are
    paid = 2,      ///< the payment provider has told of a payment, or of one that failed
    refunded = 3,  ///< money was marked to go back
  };
  TimePoint at{};
  Kind kind = Kind::accepted;
  EventType event = EventType::order_confirmed;      ///< of a change
  std::optional<TimePoint> pay_until;                ///< of a change to awaiting_payment
  std::string reason;                                ///< of a change; empty: none
  std::string payment_id;                            ///< of a payment and a refund
  Money amount;                                      ///< likewise
  bool succeeded = true;                             ///< of a payment
  PaymentOutcome outcome = PaymentOutcome::waiting;  ///< of a payment
  std::optional<TimePoint> settled_at;               ///< of a payment that something has come of
};

/// What is kept of an order's history, the oldest first; empty: PostgreSQL knows nothing of it. Blocking; goes through
/// all events that are kept of its sale.
[[nodiscard]] Result<std::vector<OrderMoment>> read_order_story(Session& session, const OrderId& id);

}  // namespace flashsale::postgres
