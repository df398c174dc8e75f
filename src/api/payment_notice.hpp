#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/api/problem.hpp"
#include "flashsale/model/payment.hpp"

namespace flashsale::api {

/// The body of a payment provider's message, or what is wrong with it.
struct PaymentNotice {
  std::optional<PaymentEvent> event;      ///< of an order that may be ours
  std::optional<ForeignPayment> foreign;  ///< of one that cannot be
  std::string card_fingerprint;           ///< of the card that the event's payment is made with; empty: not told
  /// Without any of these the message is of a type that is not ours.
  std::optional<ProblemType> problem;
  std::string detail;
};
/// `{"type":"payment.succeeded"|"payment.failed","data":{"order_id","amount","currency","payment_id"}}`. Providers add
/// members as they like: unknown ones are no fault. A failed payment need not name an amount, and one for an order of
/// another system nothing at all: whatever its `order_id` is but a UUID of version 8, that is nothing to refuse. A
/// `card_fingerprint` that is none counts as not told.
[[nodiscard]] PaymentNotice parse_payment_notice(std::string_view body);

}  // namespace flashsale::api
