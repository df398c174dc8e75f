#include "flashsale/payments/payment_sweeper.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "integration/postgres_fixture.hpp"

namespace flashsale::payments {
namespace {

using testing::PostgresDatabase;
using namespace std::chrono_literals;

class PaymentSweeperTest : public ::testing::Test {
 protected:
  /// Messages that wait for orders that never come, for long enough: what ends so asks nothing of Redis.
  void tell(const Sale& sale, int count) {
    for (int i = 0; i < count; ++i) {
      const auto id = std::to_string(i);
      const auto told = postgres::apply_payment(
          session, {id, sample::order_id("a", id, sale.sale_no), "p" + id, true, {1999, "EUR"}});
      ASSERT_TRUE(told) << told.error().message();
      ASSERT_EQ(told->outcome, PaymentOutcome::waiting);
    }
    database.ask("UPDATE payment_events SET received_at = now() - interval '1 hour'");
  }
  [[nodiscard]] std::int64_t open() const {
    return database.count("SELECT count(*) FROM payment_events WHERE outcome <= 1");
  }

  PostgresDatabase database;
  postgres::Session session = database.connect();
  telemetry::Metrics metrics;
  catalog::Upkeep upkeep{{.postgres = database.options(), .redis = {}}, metrics};
  PaymentSweeper sweeper{
      {.postgres = database.options(), .redis = {}, .interval = 10ms, .patience = 0s}, upkeep, metrics};
};

/// They are gone through by the numbers of their sales.
TEST_F(PaymentSweeperTest, APileOfOneSalesMessagesHoldsNoMessageOfAnother) {
  Sale first = testing::created_sale(session, "first", {10}), second = testing::created_sale(session, "second", {10});
  if (second.sale_no < first.sale_no) std::swap(first, second);
  tell(first, 150);
  tell(second, 1);
  sweeper.start();
  for (int i = 0; i < 3000 && open() > 0; ++i) std::this_thread::sleep_for(20ms);
  sweeper.stop();
  EXPECT_EQ(open(), 0);
  const auto earlier = database.count(
      "SELECT count(*) FROM payment_events JOIN payment_events AS small ON small.sale_no <> payment_events.sale_no"
      " AND payment_events.settled_at < small.settled_at WHERE small.sale_no = " +
      std::to_string(second.sale_no));
  EXPECT_LE(earlier, 20);
}

/// Nor does a sale whose messages cannot be settled.
TEST_F(PaymentSweeperTest, ASaleThatCannotBeWrittenHoldsNoMessageOfAnother) {
  std::vector<Sale> sales;
  for (const char* id : {"a", "b", "c", "d", "e", "f"}) {
    sales.push_back(testing::created_sale(session, id, {10}));
    tell(sales.back(), 1);
  }
  std::ranges::sort(sales, {}, &Sale::sale_no);
  const auto healthy = std::to_string(sales.back().sale_no);
  database.ask(
      "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this sale' USING ERRCODE"
      " = '08006'; END $$; CREATE TRIGGER fail BEFORE UPDATE ON payment_events FOR EACH ROW WHEN (NEW.sale_no"
      " <> " +
      healthy + ") EXECUTE FUNCTION fail()");
  sweeper.start();
  for (int i = 0; i < 3000 && open() == 6; ++i) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(open(), 5);
  EXPECT_EQ(database.count("SELECT outcome FROM payment_events WHERE sale_no = " + healthy), 4);
  database.ask("DROP TRIGGER fail ON payment_events");
  for (int i = 0; i < 3000 && open() > 0; ++i) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(open(), 0);
}

}  // namespace
}  // namespace flashsale::payments
