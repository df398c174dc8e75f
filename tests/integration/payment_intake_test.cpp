#include "flashsale/payments/intake.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "integration/postgres_fixture.hpp"

namespace flashsale::payments {
namespace {

using testing::new_order;
using testing::PostgresDatabase;
using namespace std::chrono_literals;

/// In the place of a PostgreSQL that is away: hangs up on whoever connects, and counts them.
class HangingUp {
 public:
  HangingUp() {
    accept();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~HangingUp() {
    context_.stop();
    thread_.join();
  }
  HangingUp(const HangingUp&) = delete;
  HangingUp& operator=(const HangingUp&) = delete;

  [[nodiscard]] std::string url() const {
    return "postgresql://nobody@127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) +
           "/nowhere?sslmode=disable&gssencmode=disable";
  }
  [[nodiscard]] int callers() const { return callers_; }

 private:
  using Tcp = boost::asio::ip::tcp;
  void accept() {
    acceptor_.async_accept([this](const boost::system::error_code& error, const Tcp::socket&) {
      if (error) return;
      ++callers_;
      accept();
    });
  }

  boost::asio::io_context context_;
  Tcp::acceptor acceptor_{context_, {boost::asio::ip::make_address("127.0.0.1"), 0}};
  std::atomic<int> callers_{0};
  std::thread thread_;
};

class PaymentIntakeTest : public ::testing::Test {
 protected:
  PaymentIntakeTest() { pool.start(); }
  ~PaymentIntakeTest() override {
    let_go();
    pool.stop();
    intake.stop();
    EXPECT_EQ(answers, outcomes.size()) << "each is answered once";
  }

  Sale create(const std::string& id) {
    auto definition = testing::sale_definition(id, {1000});
    definition.payment = PaymentMode::required;
    definition.payment_attempts = 3;
    return postgres::create_sale(session, definition, "test")->value();
  }
  std::vector<OrderId> write_unpaid(const Sale& sale, int count) {
    std::vector<postgres::NewOrder> orders;
    std::vector<OrderId> ids;
    for (int i = 0; i < count; ++i) {
      orders.push_back(new_order(sale, 0, "a", "k" + std::to_string(i)));
      orders.back().order.status = OrderStatus::awaiting_payment;
      orders.back().order.expires_at = orders.back().order.created_at + 1h;
      ids.push_back(orders.back().order.id);
    }
    postgres::OrderWriter writer(database.options(), "writer");
    EXPECT_TRUE(writer.write(orders, false));
    return ids;
  }
  /// Keeps all threads of the pool until let_go().
  void hold_threads() {
    for (unsigned i = 0; i < kThreads; ++i) {
      ASSERT_TRUE(pool.submit([this](workers::Stores&) {
        ++held;
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return is_let_go; });
      }));
    }
    for (int i = 0; i < 1000 && held < static_cast<int>(kThreads); ++i) std::this_thread::sleep_for(5ms);
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    is_let_go = true;
    changed.notify_all();
  }
  bool submit(const OrderId& id, const std::string& message, bool succeeded = true) {
    return intake.submit({{message, id, "p" + message, succeeded, {1999, "EUR"}}, {}},
                         [this, message](const Result<postgres::PaymentResult>& result) {
                           const std::lock_guard lock(mutex);
                           ++answers;
                           outcomes.emplace(message, result ? std::string(to_string(result->outcome)) : "error");
                           changed.notify_all();
                         });
  }
  bool wait_for(std::size_t count, std::chrono::milliseconds most = 20s) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, most, [&] { return outcomes.size() >= count; });
  }
  [[nodiscard]] std::int64_t transactions() const {
    return database.count("SELECT count(DISTINCT xmin::text) FROM orders WHERE status = 1");
  }

  static constexpr unsigned kThreads = 2;
  PostgresDatabase database;
  postgres::Session session = database.connect();
  telemetry::Metrics metrics;
  catalog::Upkeep upkeep{{.postgres = database.options(), .redis = {}}, metrics};
  workers::OperationPool pool{
      {.postgres = database.options(), .redis = {}, .threads = kThreads, .queue_max = 100, .name = "payments"},
      metrics};
  Intake intake{pool, upkeep, [] { return 1h; }};
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, std::string> outcomes;  ///< of messages, once each
  std::size_t answers = 0;
  bool is_let_go = false;
  std::atomic<int> held{0};
};

TEST_F(PaymentIntakeTest, ThoseThatWaitGoTogether) {
  const auto sale = create("s");
  const auto ids = write_unpaid(sale, 60);
  hold_threads();
  for (std::size_t i = 0; i < ids.size(); ++i) ASSERT_TRUE(submit(ids[i], std::to_string(i)));
  let_go();
  ASSERT_TRUE(wait_for(ids.size()));
  for (const auto& [message, outcome] : outcomes) EXPECT_EQ(outcome, "confirmed") << message;
  EXPECT_EQ(transactions(), 1);
}

TEST_F(PaymentIntakeTest, ThoseOfTwoSalesGoApart) {
  const auto a = create("a"), b = create("b");
  const auto of_a = write_unpaid(a, 10), of_b = write_unpaid(b, 10);
  hold_threads();
  for (std::size_t i = 0; i < of_a.size(); ++i) {
    ASSERT_TRUE(submit(of_a[i], "a" + std::to_string(i)));
    ASSERT_TRUE(submit(of_b[i], "b" + std::to_string(i)));
  }
  let_go();
  ASSERT_TRUE(wait_for(20));
  EXPECT_EQ(transactions(), 2);
}

/// A second message of an order, a repeated one, one that failed, one whose order is not there.
TEST_F(PaymentIntakeTest, EachIsAnsweredOnce) {
  const auto sale = create("s");
  const auto ids = write_unpaid(sale, 5);
  ASSERT_TRUE(submit(ids[0], "first"));
  ASSERT_TRUE(wait_for(1));
  hold_threads();
  ASSERT_TRUE(submit(ids[1], "plain"));
  ASSERT_TRUE(submit(ids[1], "plain again"));
  ASSERT_TRUE(submit(ids[0], "twice"));
  ASSERT_TRUE(submit(ids[2], "failed", false));
  ASSERT_TRUE(submit(ids[3], "plain too"));
  ASSERT_TRUE(submit(new_order(sale, 0, "a", "nobody's").order.id, "unknown"));
  let_go();
  ASSERT_TRUE(wait_for(7));
  // Two threads: either message of that order may be the first.
  if (outcomes.at("plain") != "confirmed") std::swap(outcomes.at("plain"), outcomes.at("plain again"));
  const std::map<std::string, std::string> expected{
      {"first", "confirmed"},       {"plain", "confirmed"}, {"plain again", "refund_required"},
      {"twice", "refund_required"}, {"failed", "declined"}, {"plain too", "confirmed"},
      {"unknown", "waiting"}};
  EXPECT_EQ(outcomes, expected);
}

TEST_F(PaymentIntakeTest, OneThatHasToWaitHoldsNoOther) {
  const auto sale = create("s");
  const auto ids = write_unpaid(sale, 20);
  pqxx::connection other(database.url());
  auto holding = std::make_unique<pqxx::work>(other);
  holding->exec("SELECT 1 FROM orders WHERE order_id = '" + ids[3].to_string() + "' FOR UPDATE");
  hold_threads();
  for (std::size_t i = 0; i < ids.size(); ++i) ASSERT_TRUE(submit(ids[i], std::to_string(i)));
  let_go();
  ASSERT_TRUE(wait_for(19));
  EXPECT_FALSE(outcomes.contains("3"));
  holding.reset();
  ASSERT_TRUE(wait_for(20));
  EXPECT_EQ(outcomes.at("3"), "confirmed");
}

TEST_F(PaymentIntakeTest, MoreThanItsQueueTakesAreRefused) {
  const auto sale = create("s");
  const auto ids = write_unpaid(sale, 101);
  hold_threads();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(submit(ids[static_cast<std::size_t>(i)], std::to_string(i)));
  EXPECT_FALSE(submit(ids[100], "100"));
  let_go();
  EXPECT_TRUE(wait_for(100));
}

TEST_F(PaymentIntakeTest, WithoutItsTableEachIsTold) {
  const auto sale = create("s");
  const auto ids = write_unpaid(sale, 10);
  database.ask("ALTER TABLE payment_events RENAME TO away");
  hold_threads();
  for (std::size_t i = 0; i < ids.size(); ++i) ASSERT_TRUE(submit(ids[i], std::to_string(i)));
  let_go();
  ASSERT_TRUE(wait_for(ids.size()));
  for (const auto& [message, outcome] : outcomes) EXPECT_EQ(outcome, "error") << message;
}

TEST_F(PaymentIntakeTest, WithoutPostgresOneLookAtItIsForAllOfABatch) {
  const auto sale = create("s");
  const auto ids = write_unpaid(sale, 40);
  const HangingUp away;
  auto options = database.options();
  options.url = away.url();
  workers::OperationPool lost({.postgres = options, .redis = {}, .threads = 1, .queue_max = 100, .name = "lost"},
                              metrics);
  Intake of_lost(lost, upkeep, [] { return 1h; });
  std::atomic<int> told{0};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ASSERT_TRUE(of_lost.submit({{std::to_string(i), ids[i], "p", true, {1999, "EUR"}}, {}}, [&](const auto& result) {
      EXPECT_FALSE(result);
      ++told;
    }));
  }
  lost.start();
  for (int i = 0; i < 2000 && told < 40; ++i) std::this_thread::sleep_for(10ms);
  lost.stop();
  of_lost.stop();
  EXPECT_EQ(told, 40);
  EXPECT_EQ(away.callers(), 1);
}

}  // namespace
}  // namespace flashsale::payments
