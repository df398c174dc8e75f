#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "flashsale/model/payment.hpp"
#include "flashsale/postgres/erasure_repository.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/flag_repository.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale::postgres {
namespace {

using testing::new_order;
using testing::PostgresDatabase;
using namespace std::chrono_literals;

/// COMMITs that the server warns of, as it does when one stops waiting for a synchronous standby: they stand here, and
/// perhaps here alone.
class CommitTest : public ::testing::Test {
 protected:
  /// Every COMMIT that changes one of the tables is warned of, for as long as this lives.
  class Warned {
   public:
    explicit Warned(const PostgresDatabase& database) : database_(database) {
      database_.ask(
          "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS"
          " 'BEGIN RAISE WARNING ''not on the standby''; RETURN NULL; END'");
      for (const char* table : {"orders", "payment_events", "sales", "stock_changes", "feature_flags"}) {
        database_.ask(std::string("CREATE CONSTRAINT TRIGGER warn AFTER INSERT OR UPDATE ON ") + table +
                      " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION warn()");
      }
    }
    ~Warned() { database_.ask("DROP FUNCTION warn() CASCADE"); }
    Warned(const Warned&) = delete;
    Warned& operator=(const Warned&) = delete;

   private:
    const PostgresDatabase& database_;
  };

  NewOrder written(const std::string& key, OrderStatus status = OrderStatus::confirmed) {
    NewOrder order = new_order(sale, 0, "a", key);
    order.order.status = status;
    if (status == OrderStatus::awaiting_payment) order.order.expires_at = order.order.created_at + 10min;
    if (!writer.write({&order, 1}, false)) throw std::runtime_error("not written");
    return order;
  }
  static PaymentEvent payment(const NewOrder& order, bool succeeded) {
    return {"m-" + order.order.id.to_string(), order.order.id, "p", succeeded, {1999, "EUR"}};
  }
  /// What `work` says of a COMMIT that is warned of, as nothing but Failure::outcome_unknown is right.
  void expect_doubt(const std::function<Error()>& work) {
    const Warned warned(database);
    EXPECT_EQ(work(), make_error_code(Failure::outcome_unknown));
  }

  PostgresDatabase database;
  Session session = database.connect();
  OrderWriter writer{database.options(), "writer"};
  Sale sale = testing::created_sale(session, "drop", {10});
};

TEST_F(CommitTest, OrdersAreInDoubt) {
  const NewOrder order = new_order(sale, 0, "a", "1");
  expect_doubt([&] { return writer.write({&order, 1}, false).error(); });
  const auto again = writer.write({&order, 1}, true);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->front().outcome, WriteOutcome::existing);
  EXPECT_EQ(database.count("SELECT sold FROM items"), 1);
}

TEST_F(CommitTest, OrdersThatAreWrittenCarefullyAreInDoubt) {
  const NewOrder order = new_order(sale, 0, "a", "1");
  expect_doubt([&] { return writer.write({&order, 1}, true).error(); });
  NewOrder refused = new_order(sale, 0, "a", "2");
  refused.order.status = OrderStatus::rejected;
  expect_doubt([&] { return writer.write({&refused, 1}, true).error(); });
}

TEST_F(CommitTest, CancellationsAreInDoubt) {
  const NewOrder order = written("1");
  expect_doubt([&] { return cancel_order(session, order.order.id, "a", "", "").error(); });
  EXPECT_EQ(cancel_order(session, order.order.id, "a", "", "")->outcome, CancelResult::Outcome::already_cancelled);
  const NewOrder unwritten = new_order(sale, 0, "a", "2");
  expect_doubt([&] { return cancel_unwritten_order(session, unwritten.order, "", "").error(); });
}

TEST_F(CommitTest, PaymentsAreInDoubt) {
  for (const bool succeeded : {true, false}) {
    const auto event = payment(written(succeeded ? "1" : "2", OrderStatus::awaiting_payment), succeeded);
    expect_doubt([&] { return apply_payment(session, event).error(); });
    EXPECT_TRUE(apply_payment(session, event)->repeated);
  }
}

TEST_F(CommitTest, RefundsAreInDoubt) {
  const auto event = payment(written("1"), true);
  expect_doubt([&] { return apply_payment(session, event).error(); });
  EXPECT_EQ(apply_payment(session, event)->outcome, PaymentOutcome::refund_required);
}

TEST_F(CommitTest, StockIsInDoubt) {
  const auto id = sample::order_id("1", "1");
  const auto item_no = sale.items.front().item_no;
  expect_doubt([&] { return add_stock(session, sale.sale_no, item_no, id, 5, "till").error(); });
  EXPECT_EQ(add_stock(session, sale.sale_no, item_no, id, 5, "till")->outcome, StockChangeResult::Outcome::repeated);
  const auto other = sample::order_id("1", "2");
  expect_doubt([&] { return withdraw_stock(session, sale.sale_no, item_no, other, 3, sale.epoch, "till").error(); });
}

TEST_F(CommitTest, SalesAndFlagsAreInDoubt) {
  expect_doubt([&] { return create_sale(session, testing::sale_definition("other", {1}), "till").error(); });
  SalePatch patch;
  patch.state = SaleState::paused;
  expect_doubt([&] { return patch_sale(session, "drop", patch, "till").error(); });
}

TEST_F(CommitTest, ErasuresAreInDoubt) {
  (void)written("1");
  const auto sales = find_sales_of_customer(session, "a").value();
  ASSERT_EQ(sales.size(), 1U);
  expect_doubt([&] { return erase_orders(session, sales[0], "a", "erased-1", {}, 10, "till").error(); });
  EXPECT_EQ(erase_orders(session, sales[0], "a", "erased-1", {}, 10, "till")->count, 0);
}

TEST_F(CommitTest, WhatIsSaidBeforeTheCommitIsNoDoubt) {
  EXPECT_FALSE(session.run([](pqxx::connection& connection) {
    pqxx::nontransaction(connection).exec("DO 'BEGIN RAISE WARNING ''only this''; END'");
  }));
}

/// A connection that is given up leaves its backend behind while that waits for what never comes.
TEST_F(CommitTest, ANewConnectionEndsTheBackendOfTheOneBefore) {
  auto options = database.options();
  options.statement_timeout = 100ms;
  Session own(options, "cut");
  // Neither a time-out nor the client's end interrupts what this waits for, as with a synchronous standby.
  const Error error = own.run(
      [](pqxx::connection& connection) {
        pqxx::nontransaction tx(connection);
        tx.exec("SET statement_timeout = 0");
        tx.exec("SELECT pg_sleep(600)");
      },
      1);
  EXPECT_EQ(error, make_error_code(Failure::unavailable));
  const auto backends = [&] {
    return database.count("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cut'");
  };
  EXPECT_EQ(backends(), 1);
  ASSERT_FALSE(own.connect());
  for (int i = 0; i < 1000 && backends() > 1; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(backends(), 1);
  EXPECT_EQ(database.count("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%'"
                           " AND pid <> pg_backend_pid()"),
            0);
}

}  // namespace
}  // namespace flashsale::postgres
