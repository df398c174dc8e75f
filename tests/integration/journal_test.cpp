#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "flashsale/checkout/journal.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale::checkout {
namespace {

using testing::new_order;
using testing::PostgresDatabase;
using namespace std::chrono_literals;

/// Batches that PostgreSQL does not take while it is there.
class JournalTest : public ::testing::Test, public Settlement {
 protected:
  void settled(std::vector<SettledOrder> orders) override {
    const std::lock_guard lock(mutex_);
    for (const auto& order : orders) results_[order.token] = order.result.outcome;
  }

  void start(postgres::Options options, unsigned workers) {
    journal_ =
        std::make_unique<Journal>(Journal::Options{.postgres = std::move(options), .workers = workers}, metrics_);
    journal_->start();
  }
  void TearDown() override {
    if (journal_) journal_->stop(std::chrono::steady_clock::now() + 10s);
  }

  /// One submission of so many orders, of the sale's items in turn; tokens begin at `first`.
  void submit(std::uint64_t first, std::uint64_t count, const std::function<std::size_t(std::uint64_t)>& item_of) {
    submit(sale, first, count, item_of);
  }
  void submit(const Sale& of, std::uint64_t first, std::uint64_t count,
              const std::function<std::size_t(std::uint64_t)>& item_of) {
    std::vector<Journal::Submission> orders;
    for (auto token = first; token < first + count; ++token) {
      orders.push_back({new_order(of, item_of(token), "c" + std::to_string(token), "k"), false, this, token});
    }
    journal_->submit(std::move(orders));
  }
  /// Orders of the sale fail with this SQLSTATE.
  void break_sale(const Sale& of, const std::string& sqlstate) const {
    (void)database.ask(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this sale'"
        " USING ERRCODE = '" +
        sqlstate +
        "'; END $$;"
        "CREATE TRIGGER fail BEFORE INSERT ON orders FOR EACH ROW WHEN (NEW.sale_no = " +
        std::to_string(of.sale_no) + ") EXECUTE FUNCTION fail();");
  }

  [[nodiscard]] std::size_t committed(const std::function<bool(std::uint64_t)>& counts) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(results_, [&](const auto& result) {
      return counts(result.first) && result.second == postgres::WriteOutcome::committed;
    }));
  }
  [[nodiscard]] bool await(std::size_t count, const std::function<bool(std::uint64_t)>& counts) {
    (void)await_that([&] { return committed(counts) >= count; });
    return committed(counts) == count;
  }
  [[nodiscard]] bool await_held_back(std::size_t count) {
    return await_that([&] { return journal_->held_back() == count; });
  }
  [[nodiscard]] static bool await_that(const std::function<bool()>& holds) {
    const auto give_up_at = std::chrono::steady_clock::now() + 60s;
    while (std::chrono::steady_clock::now() < give_up_at) {
      if (holds()) return true;
      std::this_thread::sleep_for(20ms);
    }
    return holds();
  }

  PostgresDatabase database;
  postgres::Session session = database.connect();
  Sale sale = testing::created_sale(session, "drop", {1000, 1000});
  telemetry::Metrics metrics_;
  std::mutex mutex_;
  std::map<std::uint64_t, postgres::WriteOutcome> results_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(JournalTest, OrdersOfAHeldItemHoldUpNoOthers) {
  auto options = database.options();
  options.lock_timeout = 300ms;
  const auto is_held = [](std::uint64_t token) { return token % 2 == 0; };
  const auto is_free = [](std::uint64_t token) { return token % 2 == 1; };
  const auto item_of = [&](std::uint64_t token) { return is_held(token) ? std::size_t{0} : std::size_t{1}; };
  {
    pqxx::connection connection(database.url());
    pqxx::work holder(connection);
    holder.exec("SELECT FROM items WHERE item_no = " + std::to_string(sale.items[0].item_no) + " FOR UPDATE");
    start(options, 2);
    submit(0, 40, item_of);
    EXPECT_TRUE(await(20, is_free));
    // More of both, while the row is still held.
    submit(100, 40, item_of);
    EXPECT_TRUE(await(40, is_free));
    EXPECT_EQ(committed(is_held), 0U);
    EXPECT_EQ(journal_->held_back(), 40U);
    EXPECT_TRUE(journal_->holds_back(sale.sale_no, new_order(sale, 0, "a", "k").order.lines));
    EXPECT_FALSE(journal_->holds_back(sale.sale_no, new_order(sale, 1, "a", "k").order.lines));
  }
  EXPECT_TRUE(await(40, is_held));
  EXPECT_EQ(journal_->held_back(), 0U);
  EXPECT_EQ(database.count("SELECT sum(sold) FROM items"), 80);
}

/// Keys that were refused, sent again while somebody holds the rows of the refusals.
TEST_F(JournalTest, AnOrderWhoseOwnRowIsHeldKeepsNoWorker) {
  auto options = database.options();
  options.lock_timeout = 300ms;
  options.statement_timeout = 500ms;
  const auto is_held = [](std::uint64_t token) { return token < 3; };
  const auto is_free = [](std::uint64_t token) { return token >= 3; };
  const auto any_item = [](std::uint64_t token) { return static_cast<std::size_t>(token % 2); };
  postgres::OrderWriter writer(database.options(), "refuser");
  for (int i = 0; i < 3; ++i) {
    auto refused = new_order(sale, static_cast<std::size_t>(i % 2), "c" + std::to_string(i), "k");
    refused.order.status = OrderStatus::rejected;
    refused.order.reason = "sold_out";
    ASSERT_TRUE(writer.write({&refused, 1}, true));
  }
  {
    pqxx::connection connection(database.url());
    pqxx::work holder(connection);
    holder.exec("SELECT FROM orders FOR UPDATE");
    start(options, 2);
    submit(0, 40, any_item);
    EXPECT_TRUE(await(37, is_free));
    submit(100, 40, any_item);
    EXPECT_TRUE(await(77, is_free));
    EXPECT_EQ(committed(is_held), 0U);
    EXPECT_EQ(journal_->held_back(), 0U);
  }
  EXPECT_TRUE(await(3, is_held));
  EXPECT_EQ(database.count("SELECT sum(sold) FROM items"), 80);
}

/// With an SQLSTATE that says nothing of its data.
TEST_F(JournalTest, AnOrderThatFailsByItselfKeepsNoWorker) {
  (void)database.ask(R"(
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$;
    CREATE TRIGGER fail BEFORE INSERT ON orders FOR EACH ROW WHEN (NEW.customer_id = 'c0') EXECUTE FUNCTION fail();)");
  const auto fails = [](std::uint64_t token) { return token == 0; };
  const auto is_free = [](std::uint64_t token) { return token > 0; };
  const auto first_item = [](std::uint64_t) { return std::size_t{0}; };
  start(database.options(), 1);
  submit(0, 20, first_item);
  EXPECT_TRUE(await(19, is_free));
  submit(100, 20, first_item);
  EXPECT_TRUE(await(39, is_free));
  EXPECT_EQ(committed(fails), 0U);
  (void)database.ask("DROP TRIGGER fail ON orders");
  EXPECT_TRUE(await(1, fails));
  EXPECT_EQ(database.count("SELECT sum(sold) FROM items"), 40);
}

/// As those on a shard whose server is down: that looks as if PostgreSQL were away.
TEST_F(JournalTest, ASaleThatCannotBeWrittenKeepsNoWorkerFromOthers) {
  const Sale other = testing::created_sale(session, "other", {1000});
  const auto fails = [](std::uint64_t token) { return token < 100; };
  const auto is_free = [](std::uint64_t token) { return token >= 100; };
  const auto first_item = [](std::uint64_t) { return std::size_t{0}; };
  break_sale(sale, "08006");
  start(database.options(), 2);
  // Each worker has had some of it in hand.
  for (const std::uint64_t first : {0U, 10U, 20U, 30U}) {
    submit(sale, first, 10, first_item);
    submit(other, 100 + first, 10, first_item);
    EXPECT_TRUE(await(first + 10, is_free));
  }
  EXPECT_EQ(committed(fails), 0U);
  EXPECT_TRUE(await_held_back(40)) << "they leave permits to others";
  EXPECT_TRUE(journal_->holds_back(sale.sale_no, new_order(sale, 0, "a", "k").order.lines));
  EXPECT_FALSE(journal_->holds_back(other.sale_no, new_order(other, 0, "a", "k").order.lines));
  (void)database.ask("DROP TRIGGER fail ON orders");
  EXPECT_TRUE(await(40, fails));
  EXPECT_TRUE(await_held_back(0));
  EXPECT_EQ(database.count("SELECT sum(sold) FROM items"), 80);
}

/// While each try takes all of a statement's time, what others hand in meanwhile is written.
TEST_F(JournalTest, SalesThatHangHoldOneWorkerBetweenThem) {
  const Sale second = testing::created_sale(session, "second", {1000});
  const Sale other = testing::created_sale(session, "other", {1000});
  auto options = database.options();
  options.statement_timeout = 1s;
  const auto hangs = [](std::uint64_t token) { return token < 100; };
  const auto is_free = [](std::uint64_t token) { return token >= 100; };
  const auto first_item = [](std::uint64_t) { return std::size_t{0}; };
  (void)database.ask(
      "CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;"
      "CREATE TRIGGER hang BEFORE INSERT ON orders FOR EACH ROW WHEN (NEW.sale_no <> " +
      std::to_string(other.sale_no) + ") EXECUTE FUNCTION hang();");
  start(options, 2);
  submit(sale, 0, 10, first_item);
  submit(second, 50, 10, first_item);
  // Both workers have met them once. From then on there is at most one that sleeps.
  const std::string sleeping =
      "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND"
      " datname = current_database()";
  EXPECT_TRUE(await_that([&] { return database.count(sleeping) == 2; }));
  EXPECT_TRUE(await_that([&] { return database.count(sleeping) < 2; }));
  std::int64_t most = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    submit(other, 100 + i, 1, first_item);
    EXPECT_TRUE(await(i + 1, is_free));
    most = std::max(most, database.count(sleeping));
    std::this_thread::sleep_for(100ms);
  }
  EXPECT_LE(most, 1);
  EXPECT_EQ(committed(hangs), 0U);
  (void)database.ask("DROP TRIGGER hang ON orders");
  EXPECT_TRUE(await(20, hangs));
  EXPECT_EQ(database.count("SELECT sum(sold) FROM items"), 70);
}

/// The connection of such a call is cut on this side, which looks as if PostgreSQL were away.
TEST_F(JournalTest, ABatchThatIsCutBecomesSmaller) {
  // The server's own time-outs do not come first: 60 ms for each unit, after a statement that has switched them off.
  (void)database.ask(R"(
    CREATE FUNCTION unlimited() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM set_config('statement_timeout', '0', true); RETURN NULL; END $$;
    CREATE TRIGGER unlimited BEFORE INSERT ON orders FOR EACH STATEMENT EXECUTE FUNCTION unlimited();
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep((NEW.sold - OLD.sold) * 0.06); RETURN NEW; END $$;
    CREATE TRIGGER slow BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION slow();)");
  auto options = database.options();
  options.statement_timeout = 500ms;
  options.lock_timeout = 500ms;
  start(options, 1);
  const auto any = [](std::uint64_t) { return true; };
  submit(0, 128, [](std::uint64_t) { return std::size_t{0}; });
  EXPECT_TRUE(await(128, any));
  EXPECT_EQ(database.count("SELECT sum(sold) FROM items"), 128);
}

}  // namespace
}  // namespace flashsale::checkout
