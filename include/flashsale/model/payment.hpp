#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "flashsale/model/money.hpp"
#include "flashsale/model/order.hpp"
#include "flashsale/model/sale.hpp"

namespace flashsale {

/// What the payment provider tells of one payment.
struct PaymentEvent {
  std::string webhook_id;  ///< the same whenever the provider repeats the message
  OrderId order_id;
  std::string payment_id;
  bool succeeded = false;
  Money paid;
  std::string card_hash{};  ///< as identity::OriginHasher gives it; empty: not told, or not kept any more
};

/// What the provider tells of a payment for an order of another system, as far as it can be read.
struct ForeignPayment {
  std::string webhook_id;
  std::string order_id;
  std::string payment_id;
  bool succeeded = false;
  Money paid;
};

/// What became of it. Numbers are stored in PostgreSQL (payment_events.outcome): never renumber; those up to `late` are
/// open.
enum class PaymentOutcome : std::uint8_t {
  waiting = 0,    ///< its order is not written yet
  late = 1,       ///< its order had expired or failed: its units are to be taken again
  confirmed = 2,  ///< the order is paid
  failed = 3,     ///< the order has ended, its units are free
  refund_required = 4,
  ignored = 5,   ///< it says what is known already, or fails what has ended
  not_ours = 6,  ///< it is for an order of another system
  declined = 7,  ///< a failure that the order has survived: its buyer may try another card
};

[[nodiscard]] std::string_view to_string(PaymentOutcome outcome);

/// The status of an order when its row is written, and until when it has to be paid; one that costs nothing is
/// confirmed at once. The time to pay counts from `created_at` here; the writer moves it to the commit (PROTOCOL R15).
void set_first_status(Order& order, const Sale& sale);

}  // namespace flashsale
