#pragma once
#include <cstdint>
#include <string_view>

#include "flashsale/model/money.hpp"
#include "flashsale/model/order.hpp"
#include "flashsale/model/payment.hpp"
#include "flashsale/model/sale.hpp"

/// What a payment does to an order (PROTOCOL R16), over values alone: whoever holds the order's row locked reads them,
/// asks here, and carries out what is answered in the same transaction.
namespace flashsale {

/// An order as a message of the provider finds it.
struct DueOrder {
  OrderStatus status = OrderStatus::awaiting_payment;
  PaymentMode payment = PaymentMode::none;  ///< of its sale
  Money due;                                ///< of all its lines
  bool payment_failed = false;              ///< that is what has ended it
  bool is_archived = false;
  std::int64_t attempts = 1;  ///< declined payments that end it, at least 1
};

/// What other messages have told of this order.
struct PaymentHistory {
  bool was_told_before = false;  ///< another message told of the same payment, and something came of it or still may
  std::int64_t declined = 0;     ///< payments of it that were declined, the one that is judged among them
};

struct PaymentJudgement {
  PaymentOutcome outcome = PaymentOutcome::ignored;
  std::string_view refund_reason;  ///< why the money goes back; empty unless `outcome` is refund_required
  bool operator==(const PaymentJudgement&) const = default;
};

/// `confirmed` and `failed` are said of orders that await their payment alone: the order is to be changed then. `late`
/// of those that may come back. Never `waiting` nor `not_ours`.
[[nodiscard]] PaymentJudgement judge(const DueOrder& order, const PaymentEvent& event, const PaymentHistory& history);

/// An ended order that a late payment may bring back. What is archived stays as it is: Redis has nothing of its sale
/// any more.
[[nodiscard]] bool may_come_back(const DueOrder& order);

/// What becomes of money for an order that nobody has heard of: this system may have lost it after a 202, or it is
/// another's whose ids have the same form.
enum class UnknownOrders : std::uint8_t { refund, ignore };

/// A message that nothing more is waited for: its money goes back, if it tells of any.
[[nodiscard]] PaymentJudgement give_up(const PaymentEvent& event, std::string_view reason);

/// One that has been open, `waiting` or `late`, for as long as anybody has patience.
[[nodiscard]] PaymentJudgement judge_overdue(PaymentOutcome open, const PaymentEvent& event, UnknownOrders unknown);

}  // namespace flashsale
