#include "flashsale/model/payment_judgement.hpp"

#include "flashsale/model/check.hpp"

namespace flashsale {
namespace {

PaymentJudgement refund(std::string_view reason) { return {PaymentOutcome::refund_required, reason}; }

PaymentJudgement judge_success(const DueOrder& order, const PaymentEvent& event, const PaymentHistory& history) {
  if (history.was_told_before) return {PaymentOutcome::ignored, {}};
  if (order.payment == PaymentMode::none) return refund("not_due");
  if (event.paid != order.due) return refund("wrong_amount");
  if (order.status == OrderStatus::awaiting_payment) return {PaymentOutcome::confirmed, {}};
  if (may_come_back(order)) return {PaymentOutcome::late, {}};
  // Some providers tell of a payment of nothing, too.
  if (event.paid.amount == 0) return {PaymentOutcome::ignored, {}};
  return refund(order.status == OrderStatus::confirmed ? "paid_twice" : "order_ended");
}

PaymentJudgement judge_failure(const DueOrder& order, const PaymentHistory& history) {
  if (order.status != OrderStatus::awaiting_payment) return {PaymentOutcome::ignored, {}};
  return {history.declined < order.attempts ? PaymentOutcome::declined : PaymentOutcome::failed, {}};
}

}  // namespace

PaymentJudgement judge(const DueOrder& order, const PaymentEvent& event, const PaymentHistory& history) {
  return event.succeeded ? judge_success(order, event, history) : judge_failure(order, history);
}

bool may_come_back(const DueOrder& order) {
  if (order.is_archived) return false;
  return order.status == OrderStatus::expired || (order.status == OrderStatus::cancelled && order.payment_failed);
}

PaymentJudgement give_up(const PaymentEvent& event, std::string_view reason) {
  return event.succeeded ? refund(reason) : PaymentJudgement{PaymentOutcome::ignored, {}};
}

PaymentJudgement judge_overdue(PaymentOutcome open, const PaymentEvent& event, UnknownOrders unknown) {
  FLASHSALE_CHECK(open == PaymentOutcome::waiting || open == PaymentOutcome::late);
  if (open == PaymentOutcome::late) return give_up(event, "no_units_in_time");
  if (unknown == UnknownOrders::ignore) return {PaymentOutcome::not_ours, {}};
  return give_up(event, "unknown_order");
}

}  // namespace flashsale
