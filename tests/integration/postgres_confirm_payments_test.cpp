#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/outbox.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale::postgres {
namespace {

using testing::new_order;
using testing::PostgresDatabase;
using namespace std::chrono_literals;

class ConfirmPaymentsTest : public ::testing::Test {
 protected:
  void SetUp() override { leave_events(true); }
  void TearDown() override { leave_events(false); }

  Sale create() {
    auto definition = testing::sale_definition("s", {1000});
    definition.payment = PaymentMode::required;
    definition.payment_attempts = 3;
    return create_sale(session, definition, "test")->value();
  }
  [[nodiscard]] NewOrder unpaid(const std::string& key, std::int32_t quantity = 1) const {
    NewOrder order = new_order(sale, 0, "a", key, quantity);
    order.order.status = OrderStatus::awaiting_payment;
    order.order.expires_at = order.order.created_at + 1h;
    return order;
  }
  OrderId written(const NewOrder& order) {
    OrderWriter writer(database.options(), "writer");
    const auto results = writer.write({&order, 1}, false);
    EXPECT_EQ((*results)[0].outcome, WriteOutcome::committed);
    return order.order.id;
  }
  static ToldPayment paid(const OrderId& id, const std::string& message, std::int64_t amount = 1999,
                          const std::string& payment = {}) {
    return {{message, id, payment.empty() ? "pay-" + message : payment, true, {amount, "EUR"}}, {}};
  }
  [[nodiscard]] std::int64_t count(const std::string& rest) const { return database.count("SELECT count(*) " + rest); }

  PostgresDatabase database;
  Session session = database.connect();
  Sale sale = create();
};

TEST_F(ConfirmPaymentsTest, ManyAreOneTransaction) {
  std::vector<ToldPayment> told;
  for (int i = 0; i < 20; ++i) told.push_back(paid(written(unpaid("k" + std::to_string(i))), "m" + std::to_string(i)));
  const auto confirmed = confirm_payments(session, told);
  ASSERT_TRUE(confirmed) << confirmed.error().message();
  for (std::size_t i = 0; i < told.size(); ++i) {
    const auto& result = (*confirmed)[i];
    ASSERT_TRUE(result);
    EXPECT_EQ(result->outcome, PaymentOutcome::confirmed);
    EXPECT_EQ(result->row.id, told[i].event.order_id);
    EXPECT_EQ(result->row.status, OrderStatus::confirmed);
    EXPECT_FALSE(result->row.expires_at);
    EXPECT_FALSE(result->row.refund_required);
    EXPECT_EQ(result->sale_id, "s");
    EXPECT_EQ(result->webhook_id, told[i].event.webhook_id);
    // As the row stands.
    EXPECT_EQ(find_orders(session, {&told[i].event.order_id, 1})->front().status, OrderStatus::confirmed);
    EXPECT_TRUE(apply_payment(session, told[i].event)->repeated);
  }
  EXPECT_EQ(database.count("SELECT count(DISTINCT xmin::text) FROM orders"), 1);
  EXPECT_EQ(count("FROM payment_events WHERE outcome = 2 AND settled_at IS NOT NULL AND succeeded"), 20);
  // All alike: one row tells of them.
  EXPECT_EQ(database.count("SELECT max(events) FROM outbox WHERE change_no = 2"), 20);
}

TEST_F(ConfirmPaymentsTest, WhatIsNotSoSimpleIsLeftAlone) {
  std::vector<ToldPayment> told = {paid(written(unpaid("plain")), "m1")};
  told.push_back(paid(written(unpaid("wrong amount")), "m2", 1998));
  told.push_back(paid(new_order(sale, 0, "a", "not written").order.id, "m3"));
  const auto cancelled = written(unpaid("cancelled"));
  ASSERT_TRUE(cancel_order(session, cancelled, "a", "", ""));
  told.push_back(paid(cancelled, "m4"));
  const auto declined = written(unpaid("declined"));
  ASSERT_EQ(apply_payment(session, {"before", declined, "p", false, {1999, "EUR"}})->outcome, PaymentOutcome::declined);
  told.push_back(paid(declined, "m5"));
  const auto several = written(unpaid("several units", 2));
  told.push_back(paid(several, "m6", 2 * 1999));
  const auto before = count("FROM payment_events");
  const auto confirmed = confirm_payments(session, told);
  ASSERT_TRUE(confirmed) << confirmed.error().message();
  std::vector<bool> are_confirmed;
  for (const auto& one : *confirmed) are_confirmed.push_back(one.has_value());
  EXPECT_EQ(are_confirmed, (std::vector<bool>{true, false, false, false, false, true}));
  EXPECT_EQ(count("FROM payment_events"), before + 2);
  EXPECT_EQ(count("FROM refunds"), 0);
  // What is left is for the other call, which knows each of them.
  EXPECT_EQ(apply_payment(session, told[1].event)->outcome, PaymentOutcome::refund_required);
  EXPECT_EQ(apply_payment(session, told[2].event)->outcome, PaymentOutcome::waiting);
  EXPECT_EQ(apply_payment(session, told[3].event)->outcome, PaymentOutcome::refund_required);
  EXPECT_EQ(apply_payment(session, told[4].event)->outcome, PaymentOutcome::confirmed);
}

/// It may say something else: that is found out where each has a transaction of its own.
TEST_F(ConfirmPaymentsTest, AKnownMessageAmongThemChangesNothing) {
  ASSERT_EQ(apply_payment(session, paid(written(unpaid("first")), "m1").event)->outcome, PaymentOutcome::confirmed);
  const std::vector<ToldPayment> told = {paid(written(unpaid("second")), "m2"), paid(written(unpaid("third")), "m1")};
  const auto confirmed = confirm_payments(session, told);
  ASSERT_TRUE(confirmed);
  EXPECT_FALSE((*confirmed)[0]);
  EXPECT_FALSE((*confirmed)[1]);
  EXPECT_EQ(count("FROM orders WHERE status = 2"), 2);
  EXPECT_EQ(count("FROM payment_events"), 1);
  EXPECT_EQ(apply_payment(session, told[1].event)->outcome, PaymentOutcome::confirmed);
}

TEST_F(ConfirmPaymentsTest, NobodyWaitsForAnOrderThatSomebodyHasLocked) {
  const std::vector<ToldPayment> told = {paid(written(unpaid("locked")), "m1"), paid(written(unpaid("free")), "m2")};
  pqxx::connection other(database.url());
  pqxx::work holding(other);
  holding.exec("SELECT 1 FROM orders WHERE order_id = '" + told[0].event.order_id.to_string() + "' FOR UPDATE");
  const auto confirmed = confirm_payments(session, told);
  ASSERT_TRUE(confirmed);
  EXPECT_FALSE((*confirmed)[0]);
  EXPECT_TRUE((*confirmed)[1]);
}

TEST_F(ConfirmPaymentsTest, WhatFailsIsAnErrorAndChangesNothing) {
  const auto told = paid(written(unpaid("k")), "m");
  database.ask("ALTER TABLE payment_events RENAME TO away");
  EXPECT_FALSE(confirm_payments(session, {&told, 1}));
  EXPECT_EQ(count("FROM orders WHERE status = 2"), 1);
}

}  // namespace
}  // namespace flashsale::postgres
