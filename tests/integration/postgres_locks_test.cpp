#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "flashsale/postgres/archive.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/postgres/retention.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale::postgres {
namespace {

using testing::new_order;
using testing::PostgresDatabase;
using namespace std::chrono_literals;

/// Rows that somebody else has locked, and keeps: none of them may hold up what comes again by itself.
class LocksTest : public ::testing::Test {
 protected:
  class Holder {
   public:
    Holder(const PostgresDatabase& database, const std::string& table, const std::string& where)
        : connection_(database.url()), tx_(connection_) {
      tx_.exec("SELECT FROM " + table + " WHERE " + where + " FOR UPDATE");
    }

   private:
    pqxx::connection connection_;
    pqxx::work tx_;
  };

  static std::string is(const NewOrder& order) { return "order_id = '" + order.order.id.to_string() + "'"; }
  static std::string is(const Item& item) { return "item_no = " + std::to_string(item.item_no); }

  /// Its time to pay ended so long ago.
  NewOrder overdue(std::chrono::seconds since, const std::string& key, std::size_t item = 0) {
    NewOrder order = new_order(sale, item, "a", key);
    order.order.status = OrderStatus::awaiting_payment;
    order.order.expires_at = order.order.created_at - since;
    if (!writer.write({&order, 1}, false)) throw std::runtime_error("not written");
    return order;
  }
  Order cancelled(const std::string& key) {
    const NewOrder order = new_order(sale, 0, "a", key);
    if (!writer.write({&order, 1}, false)) throw std::runtime_error("not written");
    return cancel_order(session, order.order.id, "a", "")->row;
  }
  static std::vector<OrderId> ids(const Result<std::vector<FreedOrder>>& orders) {
    std::vector<OrderId> out;
    if (!orders) ADD_FAILURE() << orders.error().message();
    if (orders) {
      for (const auto& order : *orders) out.push_back(order.row.id);
    }
    return out;
  }

  PostgresDatabase database;
  Session session{with_brief_waits(database.options()), "test"};
  OrderWriter writer{database.options(), "writer"};
  Sale sale = testing::created_sale(session, "drop", {100, 100});
};

TEST_F(LocksTest, ExpiryStepsOverLockedOrders) {
  const auto oldest = overdue(3s, "1");
  const auto second = overdue(2s, "2");
  const auto third = overdue(1s, "3");
  {
    const Holder holder(database, "orders", is(oldest) + " OR " + is(second));
    // As many as are locked: they are not taken again and again.
    EXPECT_THAT(ids(expire_orders(session, sale.sale_no, 2)), ::testing::ElementsAre(third.order.id));
    EXPECT_TRUE(expire_orders(session, sale.sale_no, 2)->empty());
  }
  EXPECT_EQ(expire_orders(session, sale.sale_no, 2)->size(), 2U);
  EXPECT_EQ(database.count("SELECT sum(sold) FROM items"), 0);
}

TEST_F(LocksTest, ExpiryLetsItemsAloneThatAreHeld) {
  const auto of_held_item = overdue(3s, "1");
  NewOrder cart = new_order(sale, 1, "a", "cart");
  cart.order.lines = {{sale.items[0].item_no, 1}, {sale.items[1].item_no, 1}};
  cart.order.status = OrderStatus::awaiting_payment;
  cart.order.expires_at = cart.order.created_at - 2s;
  ASSERT_TRUE(writer.write({&cart, 1}, false));
  const auto other = overdue(1s, "2", 1);
  {
    const Holder holder(database, "items", is(sale.items[0]));
    EXPECT_EQ(expire_orders(session, sale.sale_no, 10).error(), make_error_code(Failure::busy));
    const auto held = find_held_items(session, sale.sale_no);
    ASSERT_TRUE(held);
    EXPECT_THAT(*held, ::testing::ElementsAre(sale.items[0].item_no));
    EXPECT_THAT(ids(expire_orders(session, sale.sale_no, 10, *held)), ::testing::ElementsAre(other.order.id));
  }
  EXPECT_TRUE(find_held_items(session, sale.sale_no)->empty());
  EXPECT_EQ(expire_orders(session, sale.sale_no, 10)->size(), 2U);
  EXPECT_EQ(database.count("SELECT sum(sold) FROM items"), 0);
}

TEST_F(LocksTest, AnItemThatIsLockedAgainAndAgainIsNotHeld) {
  overdue(3s, "1");
  std::atomic<bool> over{false};
  std::thread busy([&] {
    pqxx::connection connection(database.url());
    while (!over) {
      pqxx::work tx(connection);
      tx.exec("SELECT FROM items WHERE " + is(sale.items[0]) + " FOR UPDATE");
      std::this_thread::sleep_for(10ms);
      tx.commit();
      std::this_thread::sleep_for(5ms);
    }
  });
  const auto held = find_held_items(session, sale.sale_no);
  over = true;
  busy.join();
  ASSERT_TRUE(held);
  EXPECT_TRUE(held->empty());
}

TEST_F(LocksTest, WhatIsNotThereIsNobodys) {
  const NewOrder held = overdue(3s, "1");
  const NewOrder free = overdue(3s, "2");
  const auto unknown = new_order(sale, 0, "a", "nowhere").order.id;
  const std::set<std::int32_t> items{sale.items[0].item_no, sale.items[1].item_no, 1'000'000};
  const std::set<OrderId> orders{held.order.id, free.order.id, unknown};
  for (const auto look : {Look::once, Look::patient}) {
    const Holder item(database, "items", is(sale.items[0]));
    const Holder order(database, "orders", is(held));
    EXPECT_EQ(*writer.find_held_items(sale.sale_no, items, look), std::set{sale.items[0].item_no});
    EXPECT_EQ(*writer.find_held_orders(sale.sale_no, orders, look), std::set{held.order.id});
  }
  EXPECT_TRUE(writer.find_held_items(sale.sale_no, items, Look::once)->empty());
  EXPECT_TRUE(writer.find_held_orders(sale.sale_no, orders, Look::once)->empty());
}

/// A smaller piece of work may do better in the second case, and does not in the first.
TEST_F(LocksTest, ALockIsNotAStatementThatTakesLong) {
  Options options = database.options();
  options.lock_timeout = 100ms;
  options.statement_timeout = 500ms;
  Session hasty(options, "hasty");
  const auto run = [&](const std::string& sql) {
    return hasty.run([&](pqxx::connection& connection) {
      pqxx::work tx(connection);
      tx.exec(sql);
    });
  };
  const Holder item(database, "items", is(sale.items[0]));
  EXPECT_EQ(run("SELECT FROM items FOR UPDATE"), make_error_code(Failure::busy));
  EXPECT_EQ(run("SELECT pg_sleep(5)"), make_error_code(Failure::timed_out));
}

TEST_F(LocksTest, GivingBackStepsOverLockedOrders) {
  const std::vector<Order> orders{cancelled("1"), cancelled("2"), cancelled("3")};
  {
    const Holder holder(database, "orders", "order_id = '" + orders[0].id.to_string() + "'");
    EXPECT_FALSE(mark_given_back(session, orders));
    const auto left = find_freed_orders(session, sale.sale_no, 0ms, 1);
    EXPECT_THAT(ids(left), ::testing::ElementsAre(orders[0].id));
    // Behind it there may be more of them.
    EXPECT_TRUE(find_freed_orders(session, sale.sale_no, 0ms, 1, &left->front())->empty());
  }
  EXPECT_FALSE(mark_given_back(session, orders));
  EXPECT_TRUE(find_freed_orders(session, sale.sale_no, 0ms, 10)->empty());
}

TEST_F(LocksTest, FreedOrdersAreReadInPages) {
  const std::vector<Order> orders{cancelled("1"), cancelled("2"), cancelled("3")};
  const auto first = find_freed_orders(session, sale.sale_no, 0ms, 2);
  EXPECT_THAT(ids(first), ::testing::ElementsAre(orders[0].id, orders[1].id));
  EXPECT_THAT(ids(find_freed_orders(session, sale.sale_no, 0ms, 2, &first->back())),
              ::testing::ElementsAre(orders[2].id));
}

TEST_F(LocksTest, RetentionStepsOverLockedOrders) {
  const std::vector<Order> orders{cancelled("1"), cancelled("2")};
  database.ask("UPDATE sales SET let_go = true");
  {
    const Holder holder(database, "orders", "order_id = '" + orders[0].id.to_string() + "'");
    EXPECT_FALSE(forget_freed_orders(session, sale.sale_no));
    EXPECT_EQ(database.count("SELECT count(*) FROM orders WHERE given_back"), 1);
  }
  EXPECT_FALSE(forget_freed_orders(session, sale.sale_no));
  EXPECT_EQ(database.count("SELECT count(*) FROM orders WHERE given_back"), 2);
}

TEST_F(LocksTest, TheArchiveMovesTheOthersFirst) {
  const std::vector<Order> orders{cancelled("1"), cancelled("2"), cancelled("3")};
  database.ask("UPDATE sales SET let_go = true, state = 3");
  const auto archived = [&] { return database.count("SELECT count(*) FROM archived_orders"); };
  {
    const Holder holder(database, "orders", "order_id = '" + orders[1].id.to_string() + "'");
    EXPECT_EQ(archive_sale(session, sale.id, "test").error(), make_error_code(Failure::busy));
    EXPECT_EQ(archived(), 2);
  }
  EXPECT_EQ(archive_sale(session, sale.id, "test")->orders, 1);
  EXPECT_EQ(archived(), 3);
}

}  // namespace
}  // namespace flashsale::postgres
