#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <barrier>
#include <numeric>
#include <optional>
#include <thread>

#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale::postgres {
namespace {

using testing::new_order;
using testing::PostgresDatabase;
using namespace std::chrono_literals;

/// Each on both ways of writing a batch, of which a server has one.
class OrderWriterTest : public ::testing::TestWithParam<BatchWrite> {
 protected:
  static std::vector<WriteOutcome> outcomes(const Result<std::vector<WriteResult>>& results) {
    std::vector<WriteOutcome> out;
    if (!results) ADD_FAILURE() << results.error().message();
    if (results) {
      for (const auto& result : *results) out.push_back(result.outcome);
    }
    return out;
  }
  [[nodiscard]] std::int64_t sold(const Sale& sale, std::size_t item = 0) const {
    return database.count("SELECT sold FROM items WHERE item_no = " + std::to_string(sale.items.at(item).item_no));
  }
  [[nodiscard]] std::int64_t rows() const { return database.count("SELECT count(*) FROM orders"); }
  [[nodiscard]] std::string status_of(const NewOrder& order) const {
    return database.ask("SELECT status FROM order_units WHERE order_id = '" + order.order.id.to_string() + "'");
  }
  /// sold = units of live rows, for each item.
  void expect_counted() const {
    EXPECT_EQ(database.ask("SELECT count(*) FROM items WHERE sold <> coalesce((SELECT sum(quantity) FROM order_lines"
                           " WHERE order_lines.item_no = items.item_no AND status IN (1, 2)), 0)"),
              "0");
  }
  static NewOrder new_cart(const Sale& sale, const std::string& customer, const std::vector<std::int32_t>& quantities) {
    NewOrder cart = new_order(sale, 0, customer, "cart", quantities.front());
    for (std::size_t i = 1; i < quantities.size(); ++i) {
      cart.order.lines.push_back({sale.items.at(i).item_no, quantities[i]});
    }
    return cart;
  }

  PostgresDatabase database;
  Session session = database.connect();
  OrderWriter writer{database.options(), "writer", GetParam()};
};

TEST_P(OrderWriterTest, CommitsABatchInTheOrderItWasHandedIn) {
  const Sale sale = testing::created_sale(session, "drop", {100, 100});
  std::vector<NewOrder> batch;
  for (int i = 0; i < 20; ++i) {
    batch.push_back(new_order(sale, i % 2 == 0 ? 0 : 1, "c" + std::to_string(i), "k", 1 + i % 2));
  }
  const auto results = writer.write(batch, false);
  ASSERT_TRUE(results);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    EXPECT_EQ((*results)[i].outcome, WriteOutcome::committed);
    EXPECT_EQ((*results)[i].row.id, batch[i].order.id);
    EXPECT_EQ((*results)[i].row.status, OrderStatus::confirmed);
  }
  EXPECT_EQ(sold(sale, 0), 10);
  EXPECT_EQ(sold(sale, 1), 20);
  const OrderId id = batch[3].order.id;
  const auto found = find_orders(session, {&id, 1});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().customer_id, "c3");
  EXPECT_EQ(found->front().created_at, batch[3].order.created_at);
  EXPECT_EQ(found->front().lines.front().quantity, 2);
}

TEST_P(OrderWriterTest, TakesTextOfEveryKind) {
  const Sale sale = testing::created_sale(session, "drop", {100});
  const std::vector<std::string> customers{"tab\there", "back\\slash",      "\\N",  "\\.",
                                           "quote\"'",  "{brace,comma}",    "NULL", "new\nline",
                                           "žluť",      "\xF0\x9F\x91\x9F", " "};
  for (const bool may_exist : {false, true}) {
    std::vector<NewOrder> batch;
    for (const auto& customer : customers) batch.push_back(new_order(sale, 0, customer, may_exist ? "b" : "a"));
    ASSERT_THAT(outcomes(writer.write(batch, may_exist)), ::testing::Each(WriteOutcome::committed));
    for (const auto& order : batch) {
      const auto found = find_orders(session, {&order.order.id, 1});
      ASSERT_EQ(found->size(), 1U);
      EXPECT_EQ(found->front().customer_id, order.order.customer_id);
    }
  }
}

TEST_P(OrderWriterTest, AnEmptyBatchIsNothing) { EXPECT_THAT(outcomes(writer.write({}, false)), ::testing::IsEmpty()); }

TEST_P(OrderWriterTest, ARepeatedBatchMeetsItsRows) {
  const Sale sale = testing::created_sale(session, "drop", {10});
  std::vector<NewOrder> batch{new_order(sale, 0, "a", "1"), new_order(sale, 0, "b", "1")};
  ASSERT_THAT(outcomes(writer.write(batch, false)), ::testing::Each(WriteOutcome::committed));
  batch.push_back(new_order(sale, 0, "c", "1"));
  for (const bool may_exist : {false, true, false}) {
    const auto results = writer.write(batch, may_exist);
    ASSERT_TRUE(results);
    EXPECT_EQ((*results)[0].outcome, WriteOutcome::existing);
    EXPECT_EQ((*results)[1].outcome, WriteOutcome::existing);
    EXPECT_EQ((*results)[1].row.customer_id, "b");
  }
  EXPECT_EQ(sold(sale), 3);
  EXPECT_EQ(rows(), 3);
}

TEST_P(OrderWriterTest, AnExistingRowIsAnsweredWithItsOwnLinesAndStatus) {
  const Sale sale = testing::created_sale(session, "drop", {10, 10});
  NewOrder order = new_order(sale, 0, "a", "1", 2);
  ASSERT_THAT(outcomes(writer.write({&order, 1}, false)), ::testing::Each(WriteOutcome::committed));
  ASSERT_TRUE(cancel_order(session, order.order.id, "a", "changed my mind"));
  order.order.lines = {{sale.items[1].item_no, 5}};
  const auto results = writer.write({&order, 1}, false);
  ASSERT_TRUE(results);
  EXPECT_EQ(results->front().outcome, WriteOutcome::existing);
  EXPECT_EQ(results->front().row.lines, (OrderLines{{sale.items[0].item_no, 2}}));
  EXPECT_EQ(results->front().row.status, OrderStatus::cancelled);
  expect_counted();
}

TEST_P(OrderWriterTest, ACartIsWrittenWithAllItsLines) {
  const Sale sale = testing::created_sale(session, "drop", {10, 10, 10});
  for (const bool may_exist : {false, true}) {
    const std::string customer = may_exist ? "a" : "b";
    const std::vector<NewOrder> batch{new_order(sale, 1, customer, "k"), new_cart(sale, customer, {1, 2, 3})};
    ASSERT_THAT(outcomes(writer.write(batch, may_exist)), ::testing::Each(WriteOutcome::committed));
    const auto again = writer.write(batch, may_exist);
    EXPECT_EQ((*again)[1].outcome, WriteOutcome::existing);
    EXPECT_EQ((*again)[1].row.lines, batch[1].order.lines);
    EXPECT_EQ((*again)[0].row.lines, batch[0].order.lines);
  }
  EXPECT_EQ(sold(sale, 0), 2);
  EXPECT_EQ(sold(sale, 1), 6);
  EXPECT_EQ(sold(sale, 2), 6);
  EXPECT_EQ(database.ask("SELECT string_agg(sku || ':' || quantity, ' ' ORDER BY sku, quantity) FROM order_units"
                         " WHERE customer_id = 'a'"),
            "sku-1:1 sku-2:1 sku-2:2 sku-3:3");
  expect_counted();
}

TEST_P(OrderWriterTest, ACartThatFitsInPartIsRejectedAsAWhole) {
  const Sale sale = testing::created_sale(session, "drop", {10, 2});
  std::vector<NewOrder> batch{new_cart(sale, "a", {1, 2}), new_cart(sale, "b", {1, 1}),
                              new_order(sale, 0, "c", "k", 9)};
  EXPECT_THAT(outcomes(writer.write(batch, false)),
              ::testing::ElementsAre(WriteOutcome::committed, WriteOutcome::rejected, WriteOutcome::committed));
  EXPECT_EQ(status_of(batch[1]), "rejected");
  EXPECT_EQ(sold(sale, 0), 10);
  EXPECT_EQ(sold(sale, 1), 2);
  expect_counted();
}

TEST_P(OrderWriterTest, ACartOfAnOldEpochOrOfNoItemIsWrittenInNoPart) {
  Sale sale = testing::created_sale(session, "drop", {10, 10});
  std::vector<NewOrder> batch{new_cart(sale, "a", {1, 1}), new_cart(sale, "b", {1, 1}), new_order(sale, 0, "c", "k")};
  batch[0].epoch = 99;
  batch[1].order.lines[1].item_no = 987654;
  EXPECT_THAT(outcomes(writer.write(batch, false)),
              ::testing::ElementsAre(WriteOutcome::stale_epoch, WriteOutcome::rejected, WriteOutcome::committed));
  EXPECT_EQ(sold(sale, 0), 1);
  EXPECT_EQ(sold(sale, 1), 0);
  EXPECT_EQ(rows(), 2);
  expect_counted();
}

TEST_P(OrderWriterTest, LinesThatAreNotWholeAreRejectedAlone) {
  const Sale sale = testing::created_sale(session, "drop", {10, 10});
  std::vector<NewOrder> batch{new_cart(sale, "a", {1, 1}), new_order(sale, 0, "b", "k")};
  std::swap(batch[0].order.lines[0], batch[0].order.lines[1]);
  EXPECT_THAT(outcomes(writer.write(batch, false)),
              ::testing::ElementsAre(WriteOutcome::rejected, WriteOutcome::committed));
  expect_counted();
}

/// An accepted order that was refused when it was reserved again: its rejection is a row, and takes no unit although
/// there are units (PROTOCOL R1, R4).
TEST_P(OrderWriterTest, ARejectionThatIsHandedInTakesNoUnits) {
  const Sale sale = testing::created_sale(session, "drop", {10});
  std::vector<NewOrder> batch{new_order(sale, 0, "a", "1", 2), new_order(sale, 0, "b", "1", 3)};
  batch[1].order.status = OrderStatus::rejected;
  batch[1].order.reason = "limit_exceeded";
  const auto results = writer.write(batch, true);
  EXPECT_THAT(outcomes(results), ::testing::ElementsAre(WriteOutcome::committed, WriteOutcome::recorded));
  EXPECT_EQ((*results)[1].row.status, OrderStatus::rejected);
  EXPECT_EQ((*results)[1].row.reason, "limit_exceeded");
  EXPECT_EQ(database.ask("SELECT reason FROM orders WHERE order_id = '" + batch[1].order.id.to_string() + "'"),
            "limit_exceeded");
  EXPECT_EQ(sold(sale), 2);
  expect_counted();
  EXPECT_THAT(outcomes(writer.write(batch, true)), ::testing::Each(WriteOutcome::existing));
}

TEST_P(OrderWriterTest, RejectsTheExcessInTurn) {
  const Sale sale = testing::created_sale(session, "drop", {3});
  std::vector<NewOrder> batch{new_order(sale, 0, "a", "1", 2), new_order(sale, 0, "b", "1", 2),
                              new_order(sale, 0, "c", "1", 1), new_order(sale, 0, "d", "1", 1)};
  const auto results = writer.write(batch, false);
  EXPECT_THAT(outcomes(results), ::testing::ElementsAre(WriteOutcome::committed, WriteOutcome::rejected,
                                                        WriteOutcome::committed, WriteOutcome::rejected));
  EXPECT_EQ((*results)[1].row.reason, "sold_out");
  EXPECT_EQ((*results)[1].row.status, OrderStatus::rejected);
  EXPECT_EQ(sold(sale), 3);
  EXPECT_EQ(rows(), 4);
  EXPECT_EQ(status_of(batch[3]), "rejected");
  // A sweeper's repetition does not turn the refusal into a sale, even when units have come back.
  ASSERT_TRUE(cancel_order(session, batch[0].order.id, "", ""));
  const auto again = writer.write(batch, true);
  EXPECT_THAT(outcomes(again), ::testing::Each(WriteOutcome::existing));
  EXPECT_EQ((*again)[1].row.status, OrderStatus::rejected);
  EXPECT_EQ((*again)[1].row.reason, "sold_out");
  EXPECT_EQ((*again)[0].row.status, OrderStatus::cancelled);
  expect_counted();
}

TEST_P(OrderWriterTest, AnOldEpochWritesNothingAndDoesNotHoldUpTheOthers) {
  const Sale sale = testing::created_sale(session, "drop", {10});
  const Sale other = testing::created_sale(session, "other", {10});
  ASSERT_EQ(raise_epoch(session, sale.sale_no, 0).value(), 1);
  const std::vector<NewOrder> batch{new_order(sale, 0, "old", "1", 1, 0), new_order(sale, 0, "new", "1", 1, 1)};
  const NewOrder of_other = new_order(other, 0, "x", "1", 3, 0);
  for (const bool may_exist : {false, true}) {
    const auto rest = may_exist ? WriteOutcome::existing : WriteOutcome::committed;
    EXPECT_THAT(outcomes(writer.write(batch, may_exist)), ::testing::ElementsAre(WriteOutcome::stale_epoch, rest));
    EXPECT_THAT(outcomes(writer.write({&of_other, 1}, may_exist)), ::testing::ElementsAre(rest))
        << "the epoch of one sale is nothing to another";
  }
  EXPECT_EQ(rows(), 2);
  EXPECT_EQ(sold(sale), 1);
  EXPECT_EQ(sold(other), 3);
  // All of one old epoch, which the cheap way tries first.
  const std::vector<NewOrder> old{new_order(sale, 0, "old", "1", 1, 0), new_order(sale, 0, "old2", "1", 1, 0)};
  EXPECT_THAT(outcomes(writer.write(old, false)), ::testing::Each(WriteOutcome::stale_epoch));
  EXPECT_EQ(rows(), 2);
  // Reserved again under the new one.
  const std::vector<NewOrder> again{new_order(sale, 0, "old", "1", 1, 1)};
  EXPECT_THAT(outcomes(writer.write(again, true)), ::testing::Each(WriteOutcome::committed));
}

TEST_P(OrderWriterTest, AMixedBatchGetsEachItsOwnAnswer) {
  const Sale sale = testing::created_sale(session, "drop", {2, 1, 5});
  const NewOrder there = new_order(sale, 2, "there", "1");
  ASSERT_TRUE(writer.write({&there, 1}, false));
  NewOrder unknown = new_order(sale, 0, "lost", "1");
  unknown.order.lines = {{987654, 1}};
  NewOrder broken = new_order(sale, 2, "broken\xff", "1");
  const std::vector<NewOrder> batch{new_order(sale, 0, "a", "1", 2),
                                    new_order(sale, 0, "b", "1"),
                                    there,
                                    new_order(sale, 2, "c", "1", 1, 7),
                                    unknown,
                                    broken,
                                    new_order(sale, 1, "d", "1")};
  const auto results = writer.write(batch, false);
  EXPECT_THAT(outcomes(results),
              ::testing::ElementsAre(WriteOutcome::committed, WriteOutcome::rejected, WriteOutcome::existing,
                                     WriteOutcome::stale_epoch, WriteOutcome::rejected, WriteOutcome::rejected,
                                     WriteOutcome::committed));
  EXPECT_EQ((*results)[4].row.reason, "unknown_item");
  EXPECT_EQ((*results)[5].row.reason, "data_refused");
  EXPECT_EQ((*results)[5].row.customer_id, "broken?");
  expect_counted();
}

/// A refusal is not remembered by its key; but the try that was refused stays refused, however often it is submitted.
TEST_P(OrderWriterTest, ARefusalYieldsToALaterTryOfItsKeyAlone) {
  const Sale sale = testing::created_sale(session, "drop", {1});
  std::vector<NewOrder> batch{new_order(sale, 0, "a", "1"), new_order(sale, 0, "b", "1")};
  EXPECT_THAT(outcomes(writer.write(batch, true)),
              ::testing::ElementsAre(WriteOutcome::committed, WriteOutcome::rejected));
  database.ask("UPDATE items SET stock = 3");
  EXPECT_THAT(outcomes(writer.write(batch, true)), ::testing::Each(WriteOutcome::existing));
  EXPECT_EQ(status_of(batch[1]), "rejected") << "there is room now, but that was the answer";

  auto later = batch[1];
  later.order.created_at += 1us;
  later.order.lines = {{sale.items[0].item_no, 2}};
  later.epoch = 7;
  EXPECT_THAT(outcomes(writer.write({&later, 1}, false)), ::testing::ElementsAre(WriteOutcome::stale_epoch));
  EXPECT_EQ(status_of(later), "rejected") << "a try that counts nowhere takes nothing away";
  later.epoch = 0;
  const auto results = writer.write({&later, 1}, false);
  EXPECT_THAT(outcomes(results), ::testing::ElementsAre(WriteOutcome::committed));
  const auto found = find_orders(session, {&later.order.id, 1});
  ASSERT_TRUE(found && found->size() == 1);
  EXPECT_EQ(found->front().status, OrderStatus::confirmed);
  EXPECT_EQ(found->front().lines, later.order.lines);
  EXPECT_EQ(found->front().reason, "");
  EXPECT_EQ(found->front().created_at, later.order.created_at);
  EXPECT_EQ(rows(), 2);
  EXPECT_EQ(sold(sale), 3);
  expect_counted();
  // The try that was refused comes from a log once more.
  EXPECT_THAT(outcomes(writer.write({&batch[1], 1}, true)), ::testing::ElementsAre(WriteOutcome::existing));
  EXPECT_EQ(sold(sale), 3);
}

TEST_P(OrderWriterTest, ALaterTryThatIsRefusedTooStaysRefused) {
  const Sale sale = testing::created_sale(session, "drop", {1});
  auto order = new_order(sale, 0, "a", "1", 2);
  EXPECT_THAT(outcomes(writer.write({&order, 1}, false)), ::testing::ElementsAre(WriteOutcome::rejected));
  order.order.created_at += 1s;
  EXPECT_THAT(outcomes(writer.write({&order, 1}, false)), ::testing::ElementsAre(WriteOutcome::rejected));
  database.ask("UPDATE items SET stock = 3");
  EXPECT_THAT(outcomes(writer.write({&order, 1}, true)), ::testing::ElementsAre(WriteOutcome::existing));
  EXPECT_EQ(status_of(order), "rejected");
  EXPECT_EQ(rows(), 1);
  expect_counted();
}

TEST_P(OrderWriterTest, ARejectedOrderWhoseMoneyHasGoneBackIsMarked) {
  const Sale sale = testing::created_sale(session, "drop", {1});
  const std::vector<NewOrder> batch{new_order(sale, 0, "a", "1", 1), new_order(sale, 0, "b", "1", 1)};
  const std::string late = batch[1].order.id.to_string();
  ASSERT_EQ(database.ask("INSERT INTO refunds (sale_no, order_id, payment_id, amount, currency, reason) VALUES (" +
                         std::to_string(sale.sale_no) + ", '" + late +
                         "', 'pay', 1, 'EUR', 'late_payment') RETURNING payment_id"),
            "pay");
  EXPECT_THAT(outcomes(writer.write(batch, false)),
              ::testing::ElementsAre(WriteOutcome::committed, WriteOutcome::rejected));
  EXPECT_EQ(database.ask("SELECT string_agg(order_id::text, ' ') FROM orders WHERE refund_required"), late);
}

TEST_P(OrderWriterTest, ARowThatCannotBeStoredIsRejectedAlone) {
  const Sale sale = testing::created_sale(session, "drop", {100});
  for (const bool may_exist : {false, true}) {
    const std::string key = may_exist ? "2" : "1";
    std::vector<NewOrder> batch;
    for (int i = 0; i < 9; ++i) batch.push_back(new_order(sale, 0, "good" + std::to_string(i), key));
    NewOrder zero = new_order(sale, 0, "zero", key);
    zero.order.lines.front().quantity = 0;
    batch.insert(batch.begin() + 2, zero);
    batch.insert(batch.begin() + 5, new_order(sale, 0, std::string("nul\0nul", 7), key));
    batch.push_back(new_order(sale, 0, "bad\xc3(", key));
    const auto results = writer.write(batch, may_exist);
    ASSERT_TRUE(results);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const bool bad = i == 2 || i == 5 || i == batch.size() - 1;
      EXPECT_EQ((*results)[i].outcome, bad ? WriteOutcome::rejected : WriteOutcome::committed) << i;
      EXPECT_EQ((*results)[i].row.reason, bad ? "data_refused" : "") << i;
    }
    EXPECT_EQ((*results)[5].row.customer_id, "nul?nul");
    EXPECT_EQ((*results)[2].row.customer_id, "zero");
    EXPECT_THAT(outcomes(writer.write({&batch[5], 1}, true)), ::testing::Each(WriteOutcome::existing));
  }
  EXPECT_EQ(rows(), 24);
  EXPECT_EQ(sold(sale), 18);
}

TEST_P(OrderWriterTest, ThePaymentWindowBeginsWithTheCommit) {
  const Sale sale = testing::created_sale(session, "drop", {10});
  for (const bool may_exist : {false, true}) {
    NewOrder order = new_order(sale, 0, "a", may_exist ? "2" : "1");
    order.order.status = OrderStatus::awaiting_payment;
    order.order.created_at -= 1h;
    order.order.expires_at = order.order.created_at + 10min;
    const auto before = std::chrono::system_clock::now();
    const auto results = writer.write({&order, 1}, may_exist);
    ASSERT_THAT(outcomes(results), ::testing::Each(WriteOutcome::committed));
    const auto expires_at = results->front().row.expires_at.value();
    EXPECT_GE(expires_at, before + 10min - 1s);
    EXPECT_LE(expires_at, before + 10min + 30s);
    EXPECT_EQ(find_orders(session, {&order.order.id, 1})->front().expires_at, expires_at);
  }
}

TEST_P(OrderWriterTest, ConcurrentWritersNeitherDeadlockNorMiscount) {
  constexpr int kWriters = 4;
  constexpr int kBatches = 25;
  const Sale sale = testing::created_sale(session, "drop", {1000, 1000, 150, 1000});
  std::vector<std::thread> threads;
  std::array<std::int64_t, kWriters> committed{};
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      OrderWriter own(database.options(), "writer-" + std::to_string(w));
      for (int b = 0; b < kBatches; ++b) {
        std::vector<NewOrder> batch;
        for (int i = 0; i < 16; ++i) {
          // Each writer walks the items in another direction, and every order is sent by two writers.
          const auto item = static_cast<std::size_t>(w % 2 == 0 ? i % 4 : 3 - i % 4);
          const auto customer = "c" + std::to_string(w / 2) + "-" + std::to_string(item);
          batch.push_back(new_order(sale, item, customer, std::to_string(b) + "." + std::to_string(i / 4)));
        }
        const auto results = own.write(batch, b % 3 == 0);
        ASSERT_TRUE(results) << results.error().message();
        for (const auto& result : *results) {
          committed[static_cast<std::size_t>(w)] += result.outcome == WriteOutcome::committed ? 1 : 0;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const std::int64_t orders = std::int64_t{kWriters} / 2 * kBatches * 16;
  EXPECT_EQ(rows(), orders);
  EXPECT_EQ(std::accumulate(committed.begin(), committed.end(), std::int64_t{0}), orders - 50);
  EXPECT_EQ(sold(sale, 2), 150);
  EXPECT_EQ(database.count("SELECT count(*) FROM orders WHERE status = 5 AND reason = 'sold_out'"), 50);
  expect_counted();
}

TEST_P(OrderWriterTest, OneIdFromTwoSessionsAtOnceIsOneOrder) {
  const Sale sale = testing::created_sale(session, "drop", {1000});
  OrderWriter second(database.options(), "writer-2");
  for (int round = 0; round < 30; ++round) {
    const std::vector<NewOrder> batch{new_order(sale, 0, "same", std::to_string(round)),
                                      new_order(sale, 0, "same2", std::to_string(round))};
    std::barrier start(2);
    std::array<std::vector<WriteOutcome>, 2> got;
    std::thread other([&] {
      start.arrive_and_wait();
      got[1] = outcomes(second.write(batch, false));
    });
    start.arrive_and_wait();
    got[0] = outcomes(writer.write(batch, false));
    other.join();
    for (const std::size_t i : {0U, 1U}) {
      EXPECT_THAT((std::vector<WriteOutcome>{got[0].at(i), got[1].at(i)}),
                  ::testing::UnorderedElementsAre(WriteOutcome::committed, WriteOutcome::existing));
    }
  }
  EXPECT_EQ(sold(sale), 60);
  EXPECT_EQ(rows(), 60);
}

/// Holds an item's row from a connection of its own until told to let go.
class ItemHolder {
 public:
  ItemHolder(const PostgresDatabase& database, const Sale& sale)
      : connection_(database.url()), tx_(std::make_unique<pqxx::work>(connection_)) {
    tx_->exec("SELECT 1 FROM items WHERE sale_no = " + std::to_string(sale.sale_no) + " FOR UPDATE");
  }
  void exec(const std::string& sql) { tx_->exec(sql); }
  void commit() { tx_->commit(), tx_.reset(); }
  void let_go() { tx_.reset(); }

 private:
  pqxx::connection connection_;
  std::unique_ptr<pqxx::work> tx_;
};

void wait_until_blocked(const PostgresDatabase& database, const std::string& name) {
  for (int i = 0; i < 500; ++i) {
    if (database.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = '" + name +
                     "' AND wait_event_type = 'Lock'") != "0") {
      return;
    }
    std::this_thread::sleep_for(10ms);
  }
  ADD_FAILURE() << name << " does not wait for a lock";
}

TEST_P(OrderWriterTest, AWaitForTheItemIsNoPartOfThePaymentWindow) {
  const Sale sale = testing::created_sale(session, "drop", {10});
  for (const bool may_exist : {false, true}) {
    NewOrder order = new_order(sale, 0, "a", may_exist ? "2" : "1");
    order.order.status = OrderStatus::awaiting_payment;
    order.order.expires_at = order.order.created_at + 10min;
    std::optional<ItemHolder> holder(std::in_place, database, sale);
    Result<std::vector<WriteResult>> results = std::vector<WriteResult>{};
    std::thread thread([&] { results = writer.write({&order, 1}, may_exist); });
    wait_until_blocked(database, "writer");
    std::this_thread::sleep_for(700ms);
    const auto released_at = std::chrono::system_clock::now();
    holder->let_go();
    thread.join();
    ASSERT_THAT(outcomes(results), ::testing::Each(WriteOutcome::committed));
    const auto expires_at = results->front().row.expires_at.value();
    EXPECT_GE(expires_at, released_at + 10min);
    EXPECT_EQ(find_orders(session, {&order.order.id, 1})->front().expires_at, expires_at);
  }
}

TEST_P(OrderWriterTest, ACommitThatWaitsIsNoPartOfThePaymentWindow) {
  const Sale sale = testing::created_sale(session, "drop", {10});
  database.ask(
      "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS"
      " 'BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END'");
  database.ask(
      "CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED"
      " FOR EACH ROW EXECUTE FUNCTION linger()");
  for (const bool may_exist : {false, true}) {
    NewOrder order = new_order(sale, 0, "a", may_exist ? "2" : "1");
    order.order.status = OrderStatus::awaiting_payment;
    order.order.expires_at = order.order.created_at + 10min;
    const auto results = writer.write({&order, 1}, may_exist);
    const auto answered_at = std::chrono::system_clock::now();
    ASSERT_THAT(outcomes(results), ::testing::Each(WriteOutcome::committed));
    const auto expires_at = results->front().row.expires_at.value();
    EXPECT_GE(expires_at, answered_at + 10min - 200ms);
    EXPECT_EQ(find_orders(session, {&order.order.id, 1})->front().expires_at, expires_at);
  }
}

TEST_P(OrderWriterTest, AKilledConnectionIsAnErrorAndRepeatingItGivesOneRow) {
  const Sale sale = testing::created_sale(session, "drop", {10});
  const std::vector<NewOrder> batch{new_order(sale, 0, "a", "1"), new_order(sale, 0, "b", "1")};
  ItemHolder holder(database, sale);
  Result<std::vector<WriteResult>> results = std::vector<WriteResult>{};
  std::thread thread([&] { results = writer.write(batch, false); });
  wait_until_blocked(database, "writer");
  EXPECT_EQ(database.terminate("writer"), 1);
  thread.join();
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error(), make_error_code(Failure::unavailable));
  holder.let_go();
  EXPECT_EQ(rows(), 0);
  EXPECT_THAT(outcomes(writer.write(batch, true)), ::testing::Each(WriteOutcome::committed));
  EXPECT_THAT(outcomes(writer.write(batch, true)), ::testing::Each(WriteOutcome::existing));
  EXPECT_EQ(rows(), 2);
  EXPECT_EQ(sold(sale), 2);
}

TEST_P(OrderWriterTest, AConnectionKilledBetweenTwoBatchesIsReplaced) {
  const Sale sale = testing::created_sale(session, "drop", {10});
  const NewOrder first = new_order(sale, 0, "a", "1");
  const NewOrder second = new_order(sale, 0, "a", "2");
  ASSERT_TRUE(writer.write({&first, 1}, false));
  EXPECT_EQ(database.terminate("writer"), 1);
  EXPECT_THAT(outcomes(writer.write({&second, 1}, false)), ::testing::Each(WriteOutcome::committed));
  EXPECT_EQ(rows(), 2);
}

TEST_P(OrderWriterTest, AConnectionLostDuringCommitLeavesTheOutcomeUnknown) {
  const Sale sale = testing::created_sale(session, "drop", {10});
  // A constraint trigger that waits when it is deferred to the commit: the server dies while COMMIT is under way.
  database.ask(
      "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS"
      " 'BEGIN PERFORM pg_sleep(3); RETURN NULL; END'");
  database.ask(
      "CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED"
      " FOR EACH ROW EXECUTE FUNCTION linger()");
  const NewOrder order = new_order(sale, 0, "a", "1");
  Result<std::vector<WriteResult>> results = std::vector<WriteResult>{};
  std::thread thread([&] { results = writer.write({&order, 1}, false); });
  for (int i = 0; i < 200; ++i) {
    if (database.ask("SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'PgSleep'") !=
        "0") {
      break;
    }
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(database.terminate("writer"), 1);
  thread.join();
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error(), make_error_code(Failure::outcome_unknown));
  database.ask("DROP TRIGGER linger ON orders");
  EXPECT_THAT(outcomes(writer.write({&order, 1}, true)), ::testing::Each(WriteOutcome::committed));
  EXPECT_EQ(rows(), 1);
  EXPECT_EQ(sold(sale), 1);
}

TEST_P(OrderWriterTest, AnEpochThatMovesWhileTheBatchWaitsStopsIt) {
  const Sale sale = testing::created_sale(session, "drop", {10});
  for (const bool may_exist : {false, true}) {
    const auto epoch = current_epoch(session, sale.sale_no).value();
    const std::vector<NewOrder> batch{new_order(sale, 0, "a", "1", 1, epoch), new_order(sale, 0, "b", "1", 1, epoch)};
    ItemHolder holder(database, sale);
    Result<std::vector<WriteResult>> results = std::vector<WriteResult>{};
    std::thread thread([&] { results = writer.write(batch, may_exist); });
    wait_until_blocked(database, "writer");
    holder.exec("UPDATE items SET epoch = epoch + 1");
    holder.exec("UPDATE sales SET epoch = epoch + 1");
    holder.commit();
    thread.join();
    EXPECT_THAT(outcomes(results), ::testing::Each(WriteOutcome::stale_epoch));
    EXPECT_EQ(rows(), 0);
    EXPECT_EQ(sold(sale), 0);
  }
}

TEST_P(OrderWriterTest, RaisingTheEpochWaitsForBatchesInFlight) {
  const Sale sale = testing::created_sale(session, "drop", {1000000});
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> epoch{0};
  std::atomic<std::int64_t> committed{0};
  std::vector<std::thread> threads;
  for (int w = 0; w < 2; ++w) {
    threads.emplace_back([&, w] {
      OrderWriter own(database.options(), "writer-" + std::to_string(w));
      for (int b = 0; !stop; ++b) {
        std::vector<NewOrder> batch;
        for (int i = 0; i < 8; ++i) {
          batch.push_back(new_order(sale, 0, "c" + std::to_string(w), std::to_string(b * 8 + i), 1, epoch));
        }
        const auto results = own.write(batch, false);
        ASSERT_TRUE(results);
        for (const auto& result : *results) committed += result.outcome == WriteOutcome::committed ? 1 : 0;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    const auto raised = raise_epoch(session, sale.sale_no, epoch);
    ASSERT_TRUE(raised) << raised.error().message();
    ASSERT_EQ(*raised, epoch + 1);
    // What the snapshot does not show can never be committed under the old epoch.
    const auto audit = read_audit(session, sale.sale_no, testing::sale_definition("x", {}).ends_at, {});
    ASSERT_TRUE(audit);
    EXPECT_EQ(audit->items[0].sold, audit->items[0].live_units);
    const auto seen = audit->items[0].sold;
    std::this_thread::sleep_for(5ms);
    EXPECT_EQ(sold(sale), seen);
    ++epoch;
    std::this_thread::sleep_for(10ms);
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_GT(committed, 0);
  EXPECT_EQ(sold(sale), committed);
  expect_counted();
}

TEST_P(OrderWriterTest, AnItemHeldForTooLongIsBusyAndChangesNothing) {
  const Sale sale = testing::created_sale(session, "drop", {10});
  Options hasty = database.options();
  hasty.lock_timeout = 50ms;
  OrderWriter impatient(hasty, "impatient");
  const NewOrder order = new_order(sale, 0, "a", "1");
  ItemHolder holder(database, sale);
  const auto results = impatient.write({&order, 1}, false);
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error(), make_error_code(Failure::busy));
  holder.let_go();
  EXPECT_EQ(rows(), 0);
  EXPECT_THAT(outcomes(impatient.write({&order, 1}, false)), ::testing::Each(WriteOutcome::committed));
}

TEST_P(OrderWriterTest, AServerThatIsNotThereIsUnavailable) {
  Options nowhere;
  nowhere.url = "postgresql://nobody:secret@127.0.0.1:1/none";
  OrderWriter lost(nowhere, "lost");
  const Sale sale = testing::created_sale(session, "drop", {10});
  const NewOrder order = new_order(sale, 0, "a", "1");
  const auto results = lost.write({&order, 1}, false);
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error(), make_error_code(Failure::unavailable));
}

INSTANTIATE_TEST_SUITE_P(Writes, OrderWriterTest,
                         ::testing::Values(BatchWrite::by_kind_of_server, BatchWrite::by_function),
                         [](const auto& how) {
                           return how.param == BatchWrite::by_function ? "ByFunction" : "ByKindOfServer";
                         });

}  // namespace
}  // namespace flashsale::postgres
