#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/api/problem.hpp"
#include "flashsale/model/payment.hpp"

namespace flashsale::api {

/// The body of a payment provider's message, or what is wrong with it.
struct PaymentNotice {
  std::optional<PaymentEvent> event;  ///< empty without a problem: of a type that is not ours
  std::optional<ProblemType> problem;
  std::string detail;
};
/// `{"type":"payment.succeeded"|"payment.failed","data":{"order_id","amount","currency","payment_id"}}`. Providers add
/// members as they like: unknown ones are no fault. A failed payment need not name an amount.
[[nodiscard]] PaymentNotice parse_payment_notice(std::string_view body);

}  // namespace flashsale::api
