#include "load/payment_check.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "load/buyers.hpp"

namespace flashsale::load {
namespace {

/// Orders that had to be paid, what the provider was told and what the stores hold. Begins clean; each test plants one
/// lie.
struct PaidHistory {
  Expectation expectation{.sale_id = "sale",
                          .sale = {},
                          .run_mark = "run",
                          .items = {{"shoe", 0}},
                          .is_own_sale = true,
                          .is_to_be_paid = true};
  std::vector<KeyRecord> keys;
  std::vector<StoredOrder> orders;
  PaymentHistory payments;
  std::uint32_t messages = 0;

  [[nodiscard]] OrderId id(std::uint32_t buyer) const {
    return expected_order_id(expectation.sale, expectation.run_mark, buyer, 0);
  }
  StoredOrder& order(std::uint32_t buyer, OrderStatus status, std::uint32_t seen = 0) {
    keys.push_back({.buyer = buyer, .seen = kSeenCreated | seen});
    orders.push_back({.id = id(buyer), .customer = buyer, .quantity = 1, .item = 0, .status = status});
    return orders.back();
  }
  /// A message that was answered so, and what became of it.
  PaymentMessage& told(std::uint32_t buyer, PaymentOutcome outcome) {
    const bool succeeds = outcome != PaymentOutcome::failed && outcome != PaymentOutcome::ignored;
    payments.messages.push_back(
        {.buyer = buyer, .number = messages, .attempts = 1, .heard = bit_of(outcome), .succeeds = succeeds});
    const std::string payment_id = payment_id_of(expectation.run_mark, messages++);
    payments.payments.push_back({id(buyer), payment_id, succeeds, outcome});
    if (outcome == PaymentOutcome::refund_required) refund(buyer);
    return payments.messages.back();
  }
  /// Of the latest payment.
  void refund(std::uint32_t buyer) {
    payments.refunds.push_back({id(buyer), payment_id_of(expectation.run_mark, messages - 1)});
    for (StoredOrder& order : orders) order.refund_required = order.refund_required || order.id == id(buyer);
  }
  Verdict judge() {
    const std::vector<StoredItem> stock{{"shoe", 100, live()}};
    const Audit audit{true, {{"shoe", 100, live(), 100 - live(), 0, live(), true}}};
    Verdict verdict = check(expectation, keys, orders, stock, audit);
    check_payments(expectation, keys, orders, payments, verdict);
    return verdict;
  }
  [[nodiscard]] std::int64_t live() const {
    std::int64_t units = 0;
    for (const StoredOrder& order : orders) units += is_live(order.status) ? order.quantity : 0;
    return units;
  }
};

/// Every honest way.
PaidHistory clean_history() {
  PaidHistory history;
  history.order(1, OrderStatus::confirmed);
  history.told(1, PaymentOutcome::confirmed);
  history.order(2, OrderStatus::expired);  // nobody paid
  history.order(3, OrderStatus::cancelled, kSeenFailSent);
  history.told(3, PaymentOutcome::failed);
  // Paid, then cancelled.
  history.order(4, OrderStatus::cancelled, kSeenCancelSent | kSeenCancelled);
  history.told(4, PaymentOutcome::confirmed);
  history.refund(4);
  history.order(5, OrderStatus::cancelled, kSeenCancelSent | kSeenCancelled);  // cancelled, then paid
  history.told(5, PaymentOutcome::refund_required);
  // Late, and a unit was taken again.
  history.order(6, OrderStatus::confirmed);
  history.told(6, PaymentOutcome::late).heard |= bit_of(PaymentOutcome::confirmed);
  history.payments.payments.back().outcome = PaymentOutcome::confirmed;
  history.order(7, OrderStatus::expired);  // late, and sold
  history.told(7, PaymentOutcome::refund_required);
  history.order(8, OrderStatus::confirmed);  // twice
  history.told(8, PaymentOutcome::confirmed);
  history.told(8, PaymentOutcome::refund_required);
  history.order(9, OrderStatus::expired, kSeenFailSent);  // it failed when it was over anyway
  history.told(9, PaymentOutcome::ignored);
  history.order(10, OrderStatus::confirmed);  // the message was never answered, and arrived
  history.told(10, PaymentOutcome::confirmed).heard = 0;
  history.order(11, OrderStatus::expired);  // it was not, and did not
  history.told(11, PaymentOutcome::confirmed).heard = 0;
  history.payments.payments.pop_back();
  history.order(12, OrderStatus::cancelled, kSeenCancelSent | kSeenCancelled);                // never paid
  history.told(13, PaymentOutcome::refund_required).heard = bit_of(PaymentOutcome::waiting);  // accepted, and lost
  history.keys.push_back({.buyer = 13, .seen = kSeenAccepted});
  history.expectation.redis_may_be_lost = true;
  return history;
}

/// The lie is found once, and nothing else is.
void expect_only(PaidHistory& history, Lie lie) {
  const Verdict verdict = history.judge();
  EXPECT_FALSE(verdict.passed());
  for (std::size_t i = 0; i < kLies; ++i) {
    const auto one = static_cast<Lie>(i);
    const Verdict::Finding& finding = verdict[one];
    EXPECT_EQ(finding.count, one == lie ? 1U : 0U)
        << to_string(one) << ": " << (finding.samples.empty() ? "" : finding.samples.front());
  }
}

TEST(LoadPaymentCheckTest, ACleanHistoryPasses) {
  PaidHistory history = clean_history();
  const Verdict verdict = history.judge();
  for (std::size_t i = 0; i < kLies; ++i) {
    const Verdict::Finding& finding = verdict.findings[i];
    EXPECT_EQ(finding.count, 0U) << to_string(static_cast<Lie>(i)) << ": "
                                 << (finding.samples.empty() ? "" : finding.samples.front());
  }
}

TEST(LoadPaymentCheckTest, CatchesAnOrderThatWaitsForEver) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::awaiting_payment);
  expect_only(history, Lie::unpaid_not_ended);
}

TEST(LoadPaymentCheckTest, CatchesAUnitForNothing) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::confirmed);
  expect_only(history, Lie::confirmed_unpaid);
}

TEST(LoadPaymentCheckTest, CatchesAUnitForAFailedPayment) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::confirmed, kSeenFailSent);
  history.told(100, PaymentOutcome::ignored);
  expect_only(history, Lie::confirmed_unpaid);
}

TEST(LoadPaymentCheckTest, CatchesAPaidOrderThatHasExpired) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::expired);
  history.told(100, PaymentOutcome::confirmed);
  history.refund(100);
  expect_only(history, Lie::paid_not_confirmed);
}

TEST(LoadPaymentCheckTest, CatchesAPaidOrderThatNobodyHasCancelled) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::cancelled, kSeenFailSent);
  history.told(100, PaymentOutcome::confirmed);
  history.refund(100);
  expect_only(history, Lie::paid_not_confirmed);
}

TEST(LoadPaymentCheckTest, CatchesAFailedOrderThatHasNotEnded) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::expired, kSeenFailSent);
  history.told(100, PaymentOutcome::failed);
  expect_only(history, Lie::failed_not_ended);
}

TEST(LoadPaymentCheckTest, CatchesACancellationWithoutRefund) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::cancelled, kSeenCancelSent | kSeenCancelled);
  history.told(100, PaymentOutcome::confirmed);
  expect_only(history, Lie::money_kept_without_unit);
}

TEST(LoadPaymentCheckTest, CatchesALatePaymentThatIsKept) {
  for (const PaymentOutcome outcome : {PaymentOutcome::refund_required, PaymentOutcome::ignored}) {
    PaidHistory history = clean_history();
    StoredOrder& order = history.order(100, OrderStatus::expired);
    history.told(100, PaymentOutcome::refund_required).heard = bit_of(outcome);
    history.payments.payments.back().outcome = outcome;
    history.payments.refunds.pop_back();
    order.refund_required = false;
    expect_only(history, Lie::money_kept_without_unit);
  }
}

TEST(LoadPaymentCheckTest, CatchesASecondPaymentThatIsKept) {
  PaidHistory history = clean_history();
  StoredOrder& order = history.order(100, OrderStatus::confirmed);
  history.told(100, PaymentOutcome::confirmed);
  history.told(100, PaymentOutcome::refund_required);
  history.payments.refunds.pop_back();
  order.refund_required = false;
  expect_only(history, Lie::paid_twice_not_refunded);
}

TEST(LoadPaymentCheckTest, CatchesARefundOfWhatIsConfirmed) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::confirmed);
  history.told(100, PaymentOutcome::confirmed);
  history.refund(100);
  expect_only(history, Lie::refunded_but_confirmed);
}

/// Accepted, paid, and lost before it was written.
PaidHistory history_of_a_lost_order(PaymentOutcome outcome) {
  PaidHistory history = clean_history();
  history.keys.push_back({.buyer = 100, .seen = kSeenAccepted});
  history.told(100, PaymentOutcome::waiting);
  history.payments.payments.back().outcome = outcome;
  return history;
}

TEST(LoadPaymentCheckTest, CatchesMoneyThatIsKeptForAnOrderThatIsLost) {
  PaidHistory history = history_of_a_lost_order(PaymentOutcome::refund_required);
  expect_only(history, Lie::money_kept_without_unit);
}

TEST(LoadPaymentCheckTest, CatchesAMessageThatWaitsForALostOrder) {
  PaidHistory history = history_of_a_lost_order(PaymentOutcome::waiting);
  expect_only(history, Lie::payment_open);
}

TEST(LoadPaymentCheckTest, CatchesAForgottenMessageOfALostOrder) {
  PaidHistory history = history_of_a_lost_order(PaymentOutcome::refund_required);
  history.payments.payments.pop_back();
  expect_only(history, Lie::payment_forgotten);
}

TEST(LoadPaymentCheckTest, CatchesTwoRefundsOfALostOrder) {
  PaidHistory history = history_of_a_lost_order(PaymentOutcome::refund_required);
  history.refund(100);
  history.refund(100);
  expect_only(history, Lie::refunded_twice);
}

TEST(LoadPaymentCheckTest, CatchesTwoRefundsOfOnePayment) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::expired);
  history.told(100, PaymentOutcome::refund_required);
  history.refund(100);
  expect_only(history, Lie::refunded_twice);
}

TEST(LoadPaymentCheckTest, CatchesARefundOfNothing) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::cancelled, kSeenFailSent);
  history.told(100, PaymentOutcome::failed);
  history.refund(100);
  expect_only(history, Lie::refund_of_nothing);
}

TEST(LoadPaymentCheckTest, CatchesAMarkThatIsMissingOrTooMuch) {
  for (const std::uint32_t buyer : {2U, 7U}) {
    PaidHistory history = clean_history();
    for (StoredOrder& order : history.orders) {
      if (order.customer == buyer) order.refund_required = !order.refund_required;
    }
    expect_only(history, Lie::refund_not_marked);
  }
}

TEST(LoadPaymentCheckTest, CatchesAMessageThatStaysOpen) {
  for (const PaymentOutcome outcome : {PaymentOutcome::late, PaymentOutcome::waiting}) {
    PaidHistory history = clean_history();
    history.order(100, OrderStatus::expired);
    history.told(100, outcome);
    expect_only(history, Lie::payment_open);
  }
}

TEST(LoadPaymentCheckTest, CatchesAMessageThatWasForgotten) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::expired);
  history.told(100, PaymentOutcome::late);
  history.payments.payments.pop_back();
  expect_only(history, Lie::payment_forgotten);
}

TEST(LoadPaymentCheckTest, CatchesAnAnswerThatWasTakenBack) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::cancelled, kSeenCancelSent);
  history.told(100, PaymentOutcome::confirmed).heard |= bit_of(PaymentOutcome::refund_required);
  history.refund(100);
  expect_only(history, Lie::payment_changed);
}

TEST(LoadPaymentCheckTest, ACancellationTakesAPaymentBack) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::cancelled, kSeenCancelSent);
  history.told(100, PaymentOutcome::refund_required).heard |= bit_of(PaymentOutcome::confirmed);
  EXPECT_TRUE(history.judge().passed());
}

TEST(LoadPaymentCheckTest, InAFreeSaleNothingExpires) {
  PaidHistory history = clean_history();
  history.expectation.is_to_be_paid = false;
  EXPECT_GT(history.judge()[Lie::created_not_live].count, 0U);
}

TEST(LoadPaymentCheckTest, WhatIsPaidIsStillHeldAgainstTheOtherLies) {
  PaidHistory history = clean_history();
  history.order(100, OrderStatus::cancelled);  // by nobody
  expect_only(history, Lie::created_not_live);
}

}  // namespace
}  // namespace flashsale::load
