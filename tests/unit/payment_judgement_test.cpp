#include "flashsale/model/payment_judgement.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace flashsale {

void PrintTo(const PaymentJudgement& judgement, std::ostream* out) {
  *out << to_string(judgement.outcome) << ' ' << judgement.refund_reason;
}

namespace {

constexpr PaymentJudgement kConfirmed{PaymentOutcome::confirmed, {}};
constexpr PaymentJudgement kLate{PaymentOutcome::late, {}};
constexpr PaymentJudgement kIgnored{PaymentOutcome::ignored, {}};
constexpr PaymentJudgement kDeclined{PaymentOutcome::declined, {}};
constexpr PaymentJudgement kFailed{PaymentOutcome::failed, {}};
constexpr PaymentJudgement refunded(std::string_view reason) { return {PaymentOutcome::refund_required, reason}; }

DueOrder order(OrderStatus status, bool payment_failed = false, bool is_archived = false) {
  return {status, PaymentMode::required, {2500, "EUR"}, payment_failed, is_archived, 3};
}

PaymentEvent paid(std::int64_t amount, std::string currency = "EUR") {
  return {"msg-1", {}, "pay-1", true, {amount, std::move(currency)}};
}

PaymentEvent declined() { return {"msg-1", {}, "pay-1", false, {2500, "EUR"}}; }

TEST(PaymentJudgementTest, ASuccessByWhatTheOrderHasComeTo) {
  struct Row {
    OrderStatus status;
    bool payment_failed;
    bool is_archived;
    PaymentJudgement expected;
  };
  const std::vector<Row> rows{
      {OrderStatus::awaiting_payment, false, false, kConfirmed},
      {OrderStatus::expired, false, false, kLate},
      {OrderStatus::cancelled, true, false, kLate},
      {OrderStatus::cancelled, false, false, refunded("order_ended")},
      {OrderStatus::rejected, false, false, refunded("order_ended")},
      {OrderStatus::confirmed, false, false, refunded("paid_twice")},
      {OrderStatus::expired, false, true, refunded("order_ended")},
      {OrderStatus::cancelled, true, true, refunded("order_ended")},
      {OrderStatus::confirmed, false, true, refunded("paid_twice")},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(judge(order(row.status, row.payment_failed, row.is_archived), paid(2500), {}), row.expected)
        << to_string(row.status) << row.payment_failed << row.is_archived;
    EXPECT_EQ(judge(order(row.status, row.payment_failed, row.is_archived), paid(2500), {true, 0}), kIgnored)
        << "the same payment, told by another message, of " << to_string(row.status);
  }
}

TEST(PaymentJudgementTest, MoneyThatIsNotWhatIsDueGoesBackWhateverTheOrderHasComeTo) {
  for (const auto status : {OrderStatus::awaiting_payment, OrderStatus::confirmed, OrderStatus::cancelled,
                            OrderStatus::expired, OrderStatus::rejected}) {
    for (const auto& event : {paid(2499), paid(2501), paid(0), paid(2500, "USD"), paid(2500, "eur")}) {
      EXPECT_EQ(judge(order(status), event, {}), refunded("wrong_amount"))
          << to_string(status) << event.paid.amount << event.paid.currency;
    }
    auto free_sale = order(status);
    free_sale.payment = PaymentMode::none;
    EXPECT_EQ(judge(free_sale, paid(2500), {}), refunded("not_due")) << to_string(status);
  }
}

TEST(PaymentJudgementTest, APaymentOfNothingIsNoMoneyToGiveBack) {
  auto of_nothing = order(OrderStatus::confirmed);
  of_nothing.due = {0, "EUR"};
  EXPECT_EQ(judge(of_nothing, paid(0), {}), kIgnored);
  of_nothing.status = OrderStatus::awaiting_payment;
  EXPECT_EQ(judge(of_nothing, paid(0), {}), kConfirmed);
}

TEST(PaymentJudgementTest, AFailureEndsAnOrderAtTheLastAttemptAndNothingElse) {
  const auto unpaid = order(OrderStatus::awaiting_payment);
  EXPECT_EQ(judge(unpaid, declined(), {false, 1}), kDeclined);
  EXPECT_EQ(judge(unpaid, declined(), {false, 2}), kDeclined);
  EXPECT_EQ(judge(unpaid, declined(), {false, 3}), kFailed);
  EXPECT_EQ(judge(unpaid, declined(), {false, 4}), kFailed);
  auto one_attempt = unpaid;
  one_attempt.attempts = 1;
  EXPECT_EQ(judge(one_attempt, declined(), {false, 1}), kFailed);
  for (const auto status :
       {OrderStatus::confirmed, OrderStatus::cancelled, OrderStatus::expired, OrderStatus::rejected}) {
    EXPECT_EQ(judge(order(status), declined(), {false, 9}), kIgnored) << to_string(status);
  }
}

TEST(PaymentJudgementTest, PatienceEndsWithTheMoneyGoingBackIfThereIsAny) {
  EXPECT_EQ(judge_overdue(PaymentOutcome::waiting, paid(2500), UnknownOrders::refund), refunded("unknown_order"));
  EXPECT_EQ(judge_overdue(PaymentOutcome::waiting, declined(), UnknownOrders::refund), kIgnored);
  EXPECT_EQ(judge_overdue(PaymentOutcome::waiting, paid(2500), UnknownOrders::ignore),
            (PaymentJudgement{PaymentOutcome::not_ours, {}}));
  EXPECT_EQ(judge_overdue(PaymentOutcome::waiting, declined(), UnknownOrders::ignore),
            (PaymentJudgement{PaymentOutcome::not_ours, {}}));
  // An order that is known is ours, whatever is done about those that are not.
  EXPECT_EQ(judge_overdue(PaymentOutcome::late, paid(2500), UnknownOrders::ignore), refunded("no_units_in_time"));
  EXPECT_EQ(give_up(paid(2500), "no_units"), refunded("no_units"));
  EXPECT_EQ(give_up(declined(), "no_units"), kIgnored);
}

}  // namespace
}  // namespace flashsale
