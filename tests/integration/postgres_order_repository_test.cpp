#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale::postgres {
namespace {

using testing::new_order;
using testing::PostgresDatabase;
using Outcome = CancelResult::Outcome;
using namespace std::chrono_literals;

class OrderRepositoryTest : public ::testing::Test {
 protected:
  NewOrder written(std::size_t item, const std::string& customer, const std::string& key, std::int32_t quantity = 1) {
    NewOrder order = new_order(sale, item, customer, key, quantity);
    const auto results = writer.write({&order, 1}, false);
    if (!results || results->front().outcome != WriteOutcome::committed) throw std::runtime_error("not written");
    return order;
  }
  [[nodiscard]] std::int64_t sold(std::size_t item = 0) const {
    return database.count("SELECT sold FROM items WHERE item_no = " + std::to_string(sale.items.at(item).item_no));
  }

  PostgresDatabase database;
  Session session = database.connect();
  OrderWriter writer{database.options(), "writer"};
  Sale sale = testing::created_sale(session, "drop", {100, 100});
};

TEST_F(OrderRepositoryTest, FindsOrdersByIdAndLeavesUnknownOnesOut) {
  const std::vector<OrderId> ids{written(0, "a", "1").order.id, sample::order_id("nobody", "1", sale.sale_no),
                                 written(1, "b", "1").order.id};
  const auto found = find_orders(session, ids);
  ASSERT_TRUE(found);
  EXPECT_THAT(*found, ::testing::UnorderedElementsAre(::testing::Field(&Order::customer_id, "a"),
                                                      ::testing::Field(&Order::customer_id, "b")));
  EXPECT_TRUE(find_orders(session, {})->empty());
}

TEST_F(OrderRepositoryTest, PagesThroughABuyersOrdersInTheOrderOfTheirIds) {
  std::vector<NewOrder> batch;
  for (int i = 0; i < 25; ++i) {
    batch.push_back(new_order(sale, 0, "me", std::to_string(i)));
    batch.push_back(new_order(sale, 0, "other", std::to_string(i)));
  }
  ASSERT_TRUE(writer.write(batch, false));
  const std::vector<CustomerRange> ranges{{testing::first_of(sale, "me"), false}};
  std::vector<Order> seen;
  std::optional<OrderId> cursor;
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = find_orders_of_customer(session, "me", ranges, cursor, 7);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    EXPECT_LE(page->size(), 7U);
    seen.insert(seen.end(), page->begin(), page->end());
    cursor = seen.back().id;
  }
  ASSERT_EQ(seen.size(), 25U);
  EXPECT_TRUE(std::ranges::is_sorted(seen, {}, &Order::id));
  EXPECT_TRUE(std::ranges::all_of(seen, [](const Order& order) { return order.customer_id == "me"; }));
  EXPECT_TRUE(find_orders_of_customer(session, std::string_view("me\0x", 4), ranges, std::nullopt, 7)->empty());
}

TEST_F(OrderRepositoryTest, CancellingGivesTheUnitsBackOnce) {
  const NewOrder order = written(0, "a", "1", 2);
  ASSERT_EQ(sold(), 2);
  const auto cancelled = cancel_order(session, order.order.id, "a", "too late for me");
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->outcome, Outcome::cancelled);
  EXPECT_EQ(cancelled->row.status, OrderStatus::cancelled);
  EXPECT_EQ(cancelled->row.reason, "too late for me");
  EXPECT_EQ(cancelled->sale_id, "drop");
  EXPECT_FALSE(cancelled->given_back);
  EXPECT_EQ(sold(), 0);
  EXPECT_EQ(cancel_order(session, order.order.id, "a", "again")->outcome, Outcome::already_cancelled);
  EXPECT_EQ(sold(), 0);
}

TEST_F(OrderRepositoryTest, CancellingACartGivesEachLineBack) {
  NewOrder cart = new_order(sale, 0, "a", "cart", 2);
  cart.order.lines.push_back({sale.items.at(1).item_no, 3});
  ASSERT_TRUE(writer.write({&cart, 1}, false));
  const auto cancelled = cancel_order(session, cart.order.id, "a", "");
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->outcome, CancelResult::Outcome::cancelled);
  EXPECT_EQ(cancelled->row.lines, cart.order.lines);
  EXPECT_EQ(sold(0), 0);
  EXPECT_EQ(sold(1), 0);

  NewOrder unwritten = new_order(sale, 0, "b", "cart", 1);
  unwritten.order.lines.push_back({sale.items.at(1).item_no, 1});
  const auto taken = cancel_unwritten_order(session, unwritten.order, "", {});
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->row.lines, unwritten.order.lines);
  const auto freed = find_freed_orders(session, sale.sale_no, 0ms, 10);
  ASSERT_EQ(freed->size(), 2U);
  EXPECT_EQ((*freed)[0].row.lines.size(), 2U);
}

TEST_F(OrderRepositoryTest, AnotherCustomersOrderIsUnknownExceptToAnAdministrator) {
  const NewOrder order = written(0, "a", "1");
  EXPECT_EQ(cancel_order(session, order.order.id, "b", "")->outcome, Outcome::unknown);
  EXPECT_EQ(cancel_order(session, sample::order_id("a", "none", sale.sale_no), "a", "")->outcome, Outcome::unknown);
  EXPECT_EQ(sold(), 1);
  EXPECT_EQ(cancel_order(session, order.order.id, "", "support")->outcome, Outcome::cancelled);
}

TEST_F(OrderRepositoryTest, ARejectedOrderCannotBeCancelled) {
  const NewOrder order = new_order(sale, 0, "a", "1", 101);
  ASSERT_EQ(writer.write({&order, 1}, false)->front().outcome, WriteOutcome::rejected);
  const auto result = cancel_order(session, order.order.id, "a", "");
  EXPECT_EQ(result->outcome, Outcome::too_late);
  EXPECT_EQ(result->row.status, OrderStatus::rejected);
  EXPECT_TRUE(result->given_back);
  EXPECT_EQ(sold(), 0);
}

TEST_F(OrderRepositoryTest, ConcurrentCancelsTakeTheUnitsOffOnce) {
  for (int round = 0; round < 10; ++round) {
    const NewOrder order = written(0, "a", std::to_string(round), 3);
    std::atomic<int> cancelled{0};
    std::atomic<int> repeated{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        Session own = database.connect("canceller");
        const auto result = cancel_order(own, order.order.id, "a", "");
        ASSERT_TRUE(result) << result.error().message();
        cancelled += result->outcome == Outcome::cancelled ? 1 : 0;
        repeated += result->outcome == Outcome::already_cancelled ? 1 : 0;
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(cancelled, 1);
    EXPECT_EQ(repeated, 3);
    EXPECT_EQ(sold(), 0);
  }
}

TEST_F(OrderRepositoryTest, CancelsRaceWithBatchesWithoutMiscount) {
  std::atomic<bool> stop{false};
  std::thread canceller([&] {
    Session own = database.connect("canceller");
    for (int i = 0; !stop; ++i) {
      const auto id = sample::order_id("c" + std::to_string(i % 8), std::to_string(i / 8 % 40), sale.sale_no);
      const auto result = cancel_order(own, id, "", "");
      ASSERT_TRUE(result) << result.error().message();
    }
  });
  for (int b = 0; b < 40; ++b) {
    std::vector<NewOrder> batch;
    for (int i = 0; i < 8; ++i) {
      batch.push_back(new_order(sale, i % 2 == 0 ? 0 : 1, "c" + std::to_string(i), std::to_string(b)));
    }
    EXPECT_TRUE(writer.write(batch, false));
  }
  stop = true;
  canceller.join();
  EXPECT_EQ(database.ask("SELECT count(*) FROM items WHERE sold <> coalesce((SELECT sum(quantity) FROM orders"
                         " WHERE orders.item_no = items.item_no AND status IN (1, 2)), 0)"),
            "0");
}

TEST_F(OrderRepositoryTest, AnUnwrittenOrderIsCancelledByTakingItsPlace) {
  const NewOrder order = new_order(sale, 0, "a", "1", 2);
  const auto cancelled = cancel_unwritten_order(session, order.order, "quick");
  ASSERT_TRUE(cancelled) << cancelled.error().message();
  EXPECT_EQ(cancelled->outcome, Outcome::cancelled);
  EXPECT_FALSE(cancelled->given_back);
  EXPECT_EQ(cancelled->row.lines.front().quantity, 2);
  // The journal comes later and meets the row.
  const auto results = writer.write({&order, 1}, false);
  EXPECT_EQ(results->front().outcome, WriteOutcome::existing);
  EXPECT_EQ(results->front().row.status, OrderStatus::cancelled);
  EXPECT_EQ(sold(), 0);
  EXPECT_EQ(find_freed_orders(session, sale.sale_no, 0ms, 10)->size(), 1U);
  EXPECT_EQ(cancel_unwritten_order(session, order.order, "")->outcome, Outcome::already_cancelled);
  // And when the journal was first, this is a cancel like any other.
  const NewOrder second = written(0, "a", "2", 2);
  EXPECT_EQ(sold(), 2);
  EXPECT_EQ(cancel_unwritten_order(session, second.order, "")->outcome, Outcome::cancelled);
  EXPECT_EQ(sold(), 0);
}

TEST_F(OrderRepositoryTest, FreedOrdersStayListedUntilTheyAreGivenBack) {
  std::vector<Order> orders;
  for (int i = 0; i < 5; ++i) {
    orders.push_back(written(0, "a", std::to_string(i)).order);
    ASSERT_EQ(cancel_order(session, orders.back().id, "a", "")->outcome, Outcome::cancelled);
  }
  written(0, "b", "live");
  EXPECT_TRUE(find_freed_orders(session, sale.sale_no, 1h, 10)->empty());
  EXPECT_TRUE(find_freed_orders(session, sale.sale_no + 1, 0ms, 10)->empty());
  const auto oldest = find_freed_orders(session, sale.sale_no, 0ms, 3);
  ASSERT_EQ(oldest->size(), 3U);
  EXPECT_EQ((*oldest)[0].row.id, orders[0].id);
  EXPECT_EQ((*oldest)[0].sale_id, "drop");
  auto another_time = orders[2];
  another_time.generation = 1;
  const std::vector<Order> done{orders[0], orders[1], another_time, orders[3]};
  EXPECT_FALSE(mark_given_back(session, done));
  EXPECT_FALSE(mark_given_back(session, done));
  EXPECT_FALSE(mark_given_back(session, {}));
  const auto rest = find_freed_orders(session, sale.sale_no, 0ms, 10);
  ASSERT_EQ(rest->size(), 2U);
  EXPECT_EQ((*rest)[0].row.id, orders[2].id);
  EXPECT_EQ((*rest)[1].row.id, orders[4].id);
  EXPECT_TRUE(cancel_order(session, orders[0].id, "a", "")->given_back);
}

}  // namespace
}  // namespace flashsale::postgres
