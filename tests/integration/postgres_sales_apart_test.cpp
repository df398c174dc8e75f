#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "flashsale/postgres/erasure_repository.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/postgres/report_repository.hpp"
#include "flashsale/postgres/retention.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale::postgres {
namespace {

using testing::first_of;
using testing::new_order;
using testing::PostgresDatabase;
using namespace std::chrono_literals;

/// A sale is the unit of everything: what is done in one is nothing to another.
class SalesApartTest : public ::testing::Test {
 protected:
  /// Rows that somebody else has locked, and keeps.
  class Holder {
   public:
    Holder(const PostgresDatabase& database, const std::string& table, const Sale& sale)
        : connection_(database.url()), tx_(connection_) {
      tx_.exec("SELECT 1 FROM " + table + " WHERE sale_no = " + std::to_string(sale.sale_no) + " FOR UPDATE");
    }

   private:
    pqxx::connection connection_;
    pqxx::work tx_;
  };

  Sale create(const std::string& id, const std::vector<std::int64_t>& stocks = {100, 100}) {
    auto definition = testing::sale_definition(id, stocks);
    definition.payment = PaymentMode::required;
    const auto created = create_sale(session, definition, "test");
    if (!created || !*created) throw std::runtime_error("the sale cannot be created");
    return **created;
  }
  /// Rejected orders, each of another customer.
  void insert_strangers(const Sale& sale, int count) {
    database.ask(
        "INSERT INTO orders (created_at, order_id, sale_no, item_no, quantity, status, customer_id)"
        " SELECT now(), (lpad(to_hex(" +
        std::to_string(sale.sale_no) +
        "), 8, '0') || substr(md5(n::text), 1, 4) || '8' || substr(md5(n::text), 5, 3) || '8' ||"
        " substr(md5(n::text), 8, 15))::uuid, " +
        std::to_string(sale.sale_no) + ", 1, 1, 5, 'c' || n FROM generate_series(1, " + std::to_string(count) +
        ") AS n");
  }
  /// Ended orders of "me", in the customer's range.
  void insert_own(const Sale& sale, int count) {
    database.ask(
        "INSERT INTO orders (created_at, order_id, sale_no, item_no, quantity, status, customer_id)"
        " SELECT now() + n * interval '1 second', ('" +
        first_of(sale, "me").to_string().substr(0, 25) + "' || substr(md5(n::text), 1, 11))::uuid, " +
        std::to_string(sale.sale_no) + ", 1, 1, 5, 'me' FROM generate_series(1, " + std::to_string(count) + ") AS n");
  }
  /// Rows of orders that a session reads for the work.
  std::int64_t rows_read(const std::function<void(Session&)>& work) {
    const std::string counted =
        "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables WHERE relname IN ('orders',"
        " 'archived_orders')";
    const auto before = database.count(counted);
    {
      Session own = database.connect("reader");
      work(own);
    }
    // What a backend has read is counted at the latest when it ends.
    const std::string there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'reader'";
    while (database.count(there) > 0) std::this_thread::sleep_for(5ms);
    return database.count(counted) - before;
  }
  void vacuum(const std::string& how) {
    pqxx::connection connection(database.url());
    pqxx::nontransaction(connection).exec(how);
  }
  void write(const NewOrder& order) {
    const auto results = writer.write({&order, 1}, false);
    if (!results || results->front().outcome != WriteOutcome::committed) throw std::runtime_error("not written");
  }
  NewOrder written(const Sale& sale, const std::string& customer, const std::string& key) {
    const NewOrder order = new_order(sale, 0, customer, key);
    write(order);
    return order;
  }
  /// Its time to pay has ended, or ends in so long.
  NewOrder unpaid(const Sale& sale, const std::string& key, std::chrono::seconds left) {
    NewOrder order = new_order(sale, 0, "a", key);
    order.order.status = OrderStatus::awaiting_payment;
    order.order.expires_at = order.order.created_at + left;
    write(order);
    return order;
  }
  void cancel(const NewOrder& order) {
    const auto result = cancel_order(session, order.order.id, "", "");
    if (!result || result->outcome != CancelResult::Outcome::cancelled) throw std::runtime_error("not cancelled");
  }
  /// Whoever looks many of its orders up, or changes them, reads little more than those.
  void expect_lists_read_by_keys(const Sale& sale, const std::function<void()>& before_looks) {
    constexpr int kCount = 45;
    std::vector<NewOrder> written_orders;
    std::vector<OrderId> ids;
    std::vector<Order> ended;
    for (int i = 0; i < kCount; ++i) {
      written_orders.push_back(unpaid(sale, "o" + std::to_string(i), -1s));
      ids.push_back(written_orders.back().order.id);
    }
    std::vector<ToldPayment> told;
    for (int i = 0; i < kCount; ++i) {
      const auto id = unpaid(sale, "p" + std::to_string(i), 60s).order.id;
      told.push_back({{id.to_string(), id, "p", true, {1999, "EUR"}}, {}});
    }
    const std::vector<std::pair<const char*, std::function<void(Session&)>>> looks{
        {"find", [&](Session& own) { EXPECT_EQ(find_orders(own, ids)->size(), ids.size()); }},
        {"write again",
         [&](Session&) {
           OrderWriter careful(database.options(), "reader");
           EXPECT_EQ(careful.write(written_orders, true)->front().outcome, WriteOutcome::existing);
         }},
        {"held",
         [&](Session&) {
           OrderWriter own_writer(database.options(), "reader");
           EXPECT_TRUE(own_writer.find_held_orders(sale.sale_no, {ids.begin(), ids.end()}, Look::once)->empty());
         }},
        {"pay", [&](Session& own) { EXPECT_TRUE(confirm_payments(own, told)->back()); }},
        {"expire",
         [&](Session& own) {
           for (const auto& one : *expire_orders(own, sale.sale_no, kCount)) ended.push_back(one.row);
           EXPECT_EQ(ended.size(), ids.size());
         }},
        {"give back", [&](Session& own) { EXPECT_FALSE(mark_given_back(own, ended)); }}};
    before_looks();
    for (const auto& [name, look] : looks) EXPECT_LT(rows_read(look), 1000) << name;
    EXPECT_EQ(database.count("SELECT count(*) FROM orders WHERE given_back"), kCount);
  }
  static std::vector<OrderId> ids_of(const Result<std::vector<Order>>& orders) {
    std::vector<OrderId> ids;
    if (!orders) ADD_FAILURE() << orders.error().message();
    if (orders) std::ranges::transform(*orders, std::back_inserter(ids), &Order::id);
    return ids;
  }
  static std::vector<OrderId> ids_of(const Result<std::vector<FreedOrder>>& orders) {
    std::vector<OrderId> ids;
    if (!orders) ADD_FAILURE() << orders.error().message();
    if (orders) std::ranges::transform(*orders, std::back_inserter(ids), [](const auto& one) { return one.row.id; });
    return ids;
  }
  [[nodiscard]] std::int64_t sold(const Sale& sale) const {
    return database.count("SELECT sum(sold) FROM items WHERE sale_no = " + std::to_string(sale.sale_no));
  }

  PostgresDatabase database;
  Session session{with_brief_waits(database.options()), "test"};
  OrderWriter writer{database.options(), "writer"};
  Sale first = create("first");
  Sale second = create("second");
};

class CustomerListTest : public SalesApartTest {
 protected:
  /// Three orders in each sale, in turn, so that those of each are newer and older than those of the others. `ids` has
  /// those of a sale in their order: 0, 3, 6 of the first one, and so on.
  void write_orders() {
    const auto moment = new_order(first, 0, "me", "0").order.created_at;
    for (int i = 0; i < 9; ++i) {
      const Sale& sale = *std::array{&first, &second, &third}.at(static_cast<std::size_t>(i % 3));
      NewOrder order = new_order(sale, 0, "me", std::to_string(i));
      order.order.created_at = moment + std::chrono::seconds(i);
      write(order);
      ids.push_back(order.order.id);
      write(new_order(sale, 0, "other", std::to_string(i)));
    }
    for (std::size_t i = 0; i < 3; ++i) {
      std::array own{ids[i], ids[i + 3], ids[i + 6]};
      std::ranges::sort(own);
      for (std::size_t n = 0; n < 3; ++n) ids[i + 3 * n] = own.at(n);
    }
  }
  [[nodiscard]] std::vector<OrderId> of(std::initializer_list<std::size_t> places) const {
    std::vector<OrderId> out;
    for (const auto place : places) out.push_back(ids.at(place));
    return out;
  }
  [[nodiscard]] CustomerRange range(const Sale& sale, bool may_be_archived = false) const {
    return {first_of(sale, "me"), may_be_archived};
  }
  std::vector<OrderId> list(const std::vector<CustomerRange>& ranges, const std::optional<OrderId>& after = {},
                            std::int32_t limit = 100) {
    return ids_of(find_orders_of_customer(session, "me", ranges, after, limit));
  }
  static ErasedOrders erase(Session& session, const SaleOfCustomer& sale, std::int32_t limit,
                            const OrderId& after = {}) {
    const auto erased = erase_orders(session, sale, "me", "erased-1", after, limit, "till");
    if (!erased) ADD_FAILURE() << erased.error().message();
    return erased ? *erased : ErasedOrders{};
  }
  void archive(const Sale& sale, const std::string& condition = "true") const {
    database.ask("WITH moved AS (DELETE FROM orders WHERE sale_no = " + std::to_string(sale.sale_no) + " AND " +
                 condition + " RETURNING *) INSERT INTO archived_orders SELECT * FROM moved");
  }

  Sale third = create("third");
  std::vector<OrderId> ids;
};

TEST_F(CustomerListTest, GoesFromSaleToSaleAndInEachByTheIds) {
  write_orders();
  const std::vector ranges{range(third), range(second), range(first)};
  EXPECT_EQ(list(ranges), of({2, 5, 8, 1, 4, 7, 0, 3, 6}));
  EXPECT_EQ(list(ranges, {}, 4), of({2, 5, 8, 1}));
  EXPECT_EQ(list(ranges, {}, 3), of({2, 5, 8}));
  EXPECT_EQ(list({range(second)}), of({1, 4, 7}));
  EXPECT_EQ(list({range(first), range(third)}), of({0, 3, 6, 2, 5, 8})) << "the caller says which sale is first";
  EXPECT_TRUE(list({}).empty());
  EXPECT_TRUE(list({range(create("empty"))}).empty());
}

TEST_F(CustomerListTest, GoesOnFromTheMiddleOfASale) {
  write_orders();
  const std::vector from_second{range(second), range(first)};
  EXPECT_EQ(list(from_second, ids.at(1)), of({4, 7, 0, 3, 6}));
  EXPECT_EQ(list(from_second, ids.at(1), 2), of({4, 7}));
  EXPECT_EQ(list(from_second, ids.at(7)), of({0, 3, 6})) << "nothing is left of the sale where the page ended";
  EXPECT_EQ(list({range(first)}, ids.at(1)), of({0, 3, 6})) << "a cursor of another sale than the first one's";
  EXPECT_TRUE(list({range(first)}, ids.at(6)).empty());
}

TEST_F(CustomerListTest, ShowsAnArchivedSaleOnlyWhereItMayBe) {
  write_orders();
  archive(second);
  EXPECT_EQ(list({range(third), range(second), range(first)}), of({2, 5, 8, 0, 3, 6}));
  EXPECT_EQ(list({range(second, true)}), of({1, 4, 7}));
  EXPECT_EQ(list({range(second, true)}, ids.at(4)), of({7}));
}

/// Two customers of one range are as good as impossible to find; but their rows would be neighbours.
TEST_F(CustomerListTest, ShowsNobodyElseOfTheSameRange) {
  write_orders();
  const NewOrder stranger = new_order(second, 0, "me", "stranger");
  write(stranger);
  const auto is_stranger = " WHERE order_id = '" + stranger.order.id.to_string() + "'";
  database.ask("UPDATE orders SET customer_id = 'somebody'" + is_stranger);
  EXPECT_EQ(list({range(second)}), of({1, 4, 7}));
  EXPECT_EQ(find_orders_of_customers(session, second.sale_no, {{"me", ids.at(1)}})->size(), 3U);
  const auto sales = find_sales_of_customer(session, "me").value();
  ASSERT_EQ(sales.size(), 3U);
  for (const auto& sale : sales) EXPECT_EQ(erase(session, sale, 100).count, 3);
  EXPECT_EQ(database.ask("SELECT customer_id FROM orders" + is_stranger), "somebody");
  EXPECT_EQ(database.count("SELECT count(*) FROM orders WHERE customer_id = 'other'"), 9);
  // Nor does Redis hear of it under the pseudonym.
  const auto names = find_erased_names(session, "erased-1", 10).value();
  ASSERT_EQ(names.size(), 3U);
  std::size_t told = 0;
  for (const auto& name : names) {
    const auto orders = find_erased_orders(session, name, OrderId{}, 100).value();
    EXPECT_THAT(orders, ::testing::Not(::testing::Contains(stranger.order.id)));
    told += orders.size();
  }
  EXPECT_EQ(told, 9U);
}

TEST_F(CustomerListTest, HasAllOfSeveralCustomersOfASale) {
  write_orders();
  const auto others = sample::order_id("other", "any key", second.sale_no);
  const auto found = find_orders_of_customers(session, second.sale_no, {{"me", ids.at(1)}, {"other", others}});
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->size(), 6U);
  EXPECT_TRUE(std::ranges::all_of(*found, [&](const Order& order) { return order.id.sale_no() == second.sale_no; }));
  EXPECT_TRUE(find_orders_of_customers(session, first.sale_no, {{"me", ids.at(1)}})->empty())
      << "ids of one sale are in no range of another's";
  EXPECT_TRUE(find_orders_of_customers(session, first.sale_no, {})->empty());
}

/// An erasure that was cut off goes on sale by sale, some orders at a time.
TEST_F(CustomerListTest, AnErasureTakesSomeOrdersOfASaleAtATime) {
  write_orders();
  const auto sales = find_sales_of_customer(session, "me").value();
  ASSERT_EQ(sales.size(), 3U);
  const auto one = erase(session, sales[0], 2);
  EXPECT_EQ(one.count, 2);
  EXPECT_EQ(find_sales_of_customer(session, "me")->size(), 3U);
  const auto other = erase(session, sales[0], 2, one.last.value());
  EXPECT_EQ(other.count, 1);
  EXPECT_FALSE(other.last) << "none is left behind it";
  EXPECT_EQ(erase(session, sales[0], 2).count, 0);
  const auto left = find_sales_of_customer(session, "me").value();
  ASSERT_EQ(left.size(), 2U);
  EXPECT_THAT(left, ::testing::Not(::testing::Contains(::testing::Field(&SaleOfCustomer::sale_no, sales[0].sale_no))));
  EXPECT_EQ(database.count("SELECT count(*) FROM orders WHERE customer_id = 'me'"), 6);
}

/// Up to the id from which it goes on nothing is left, wherever the orders stand.
TEST_F(CustomerListTest, AnErasureOfBothTablesGoesOnBehindTheOneThatIsLessFar) {
  write_orders();
  insert_own(first, 500);
  archive(first, "order_id::text ~ '[0-3]$'");
  const auto sales = find_sales_of_customer(session, "me").value();
  const auto sale = std::ranges::find(sales, first.sale_no, &SaleOfCustomer::sale_no);
  ASSERT_NE(sale, sales.end());
  const auto left = [&](const OrderId& last) {
    return database.count("SELECT count(*) FROM all_orders WHERE customer_id = 'me' AND sale_no = " +
                          std::to_string(first.sale_no) + " AND order_id <= '" + last.to_string() + "'");
  };
  std::int64_t erased = 0;
  for (std::optional<OrderId> after = OrderId{}; after;) {
    const auto some = erase(session, *sale, 20, *after);
    erased += some.count;
    EXPECT_EQ(left(some.last.value_or(first_of(first, "me").last_of_customer())), 0);
    after = some.last;
  }
  EXPECT_EQ(erased, 503);
}

/// What it has erased it does not read again.
TEST_F(CustomerListTest, AnErasureReadsEachOrderOnce) {
  insert_own(first, 2000);
  const auto sales = find_sales_of_customer(session, "me").value();
  ASSERT_EQ(sales.size(), 1U);
  const auto erase_all = [&](Session& own) {
    std::int64_t erased = 0;
    for (std::optional<OrderId> after = OrderId{}; after;) {
      const auto some = erase(own, sales[0], 100, *after);
      erased += some.count;
      after = some.last;
    }
    EXPECT_EQ(erased, 2000);
  };
  EXPECT_LT(rows_read(erase_all), 5000) << "once to find it, once to change it";
}

/// An order that is archived while an erasure waits for it makes room for another one: it is not taken for the last.
TEST_F(CustomerListTest, AnErasureIsNotCutShortByTheArchive) {
  insert_own(first, 5);
  const auto sales = find_sales_of_customer(session, "me").value();
  ASSERT_EQ(sales.size(), 1U);
  ErasedOrders some;
  std::thread eraser;
  {
    pqxx::connection connection(database.url());
    pqxx::work tx(connection);
    tx.exec(
        "WITH moved AS (DELETE FROM orders WHERE order_id IN (SELECT order_id FROM orders ORDER BY order_id LIMIT"
        " 1) RETURNING *) INSERT INTO archived_orders SELECT * FROM moved");
    eraser = std::thread([&] {
      Session own = database.connect("eraser");
      some = erase(own, sales[0], 2);
    });
    const std::string waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'eraser' AND wait_event_type = 'Lock'";
    for (int i = 0; i < 1000 && database.count(waiting) == 0; ++i) std::this_thread::sleep_for(5ms);
    tx.commit();
  }
  eraser.join();
  EXPECT_EQ(some.count, 3);
  ASSERT_TRUE(some.last);
  EXPECT_EQ(erase(session, sales[0], 2, *some.last).count, 2);
  EXPECT_EQ(database.count("SELECT count(*) FROM all_orders WHERE customer_id = 'me'"), 0);
}

/// However many orders there are, and however many sales are looked into: no statement reads other customers' orders.
TEST_F(CustomerListTest, ReadsNoOrdersOfOthers) {
  write_orders();
  for (const Sale& sale : {first, second}) insert_strangers(sale, 50'000);
  archive(second);
  std::vector<CustomerRange> ranges{range(third), range(second, true), range(first)};
  for (std::int32_t n = 1; n <= 97; ++n) ranges.push_back({sample::order_id("me", {}, n), true});
  std::map<std::string, OrderId> customers;
  for (int i = 0; i < 300; ++i) {
    const auto customer = "d" + std::to_string(i);
    customers.emplace(customer, first_of(first, customer));
  }
  const auto list_page = [&](Session& own) {
    EXPECT_EQ(find_orders_of_customer(own, "me", ranges, {}, 20)->size(), 9U);
  };
  const auto ask_for_many = [&](Session& own) {
    EXPECT_TRUE(find_orders_of_customers(own, first.sale_no, customers)->empty());
  };
  const auto erase_all = [](Session& own) {
    for (const auto& sale : find_sales_of_customer(own, "me").value()) {
      EXPECT_EQ(erase(own, sale, 100).count, 3);
    }
  };
  for (const char* statistics : {"SELECT 1", "ANALYZE"}) {
    database.ask(statistics);
    EXPECT_LT(rows_read(list_page), 100) << statistics;
    EXPECT_LT(rows_read(ask_for_many), 100) << statistics;
  }
  EXPECT_LT(rows_read(erase_all), 100);
}

/// Nor does a page read more of the customer's own than it shows, wherever it begins, also where both tables have some.
TEST_F(CustomerListTest, ReadsNoMoreThanThePage) {
  insert_own(first, 5000);
  archive(first, "order_id::text ~ '[0-7]$'");
  insert_own(second, 5000);
  const auto own = ids_of(find_orders_of_customer(session, "me", std::vector{range(second)}, {}, 5000));
  ASSERT_EQ(own.size(), 5000U);
  EXPECT_TRUE(std::ranges::is_sorted(own));
  for (const char* statistics : {"SELECT 1", "ANALYZE"}) {
    database.ask(statistics);
    for (const auto& ranges : {std::vector{range(first, true)}, std::vector{range(second, true), range(first)}}) {
      const std::vector<OrderId> all =
          ids_of(find_orders_of_customer(session, "me", std::span(ranges).first(1), {}, 5000));
      EXPECT_LT(rows_read([&](Session& reader) {
                  EXPECT_EQ(ids_of(find_orders_of_customer(reader, "me", ranges, {}, 10)),
                            std::vector(all.begin(), all.begin() + 10));
                }),
                30)
          << statistics;
      EXPECT_LT(rows_read([&](Session& reader) {
                  EXPECT_EQ(ids_of(find_orders_of_customer(reader, "me", ranges, all.at(2999), 10)),
                            std::vector(all.begin() + 3000, all.begin() + 3010));
                }),
                30)
          << statistics;
    }
  }
}

/// Statistics from before a sale say that there is no row of it, so that reading all of it would be the cheapest.
TEST_F(SalesApartTest, OrdersOfASaleThatIsNewerThanTheStatisticsAreReadByTheirKeys) {
  insert_strangers(first, 50'000);
  database.ask("ALTER TABLE orders SET (autovacuum_enabled = false)");
  database.ask("ANALYZE");
  insert_strangers(second, 50'000);
  std::vector<NewOrder> orders;
  std::vector<OrderId> ids;
  std::vector<Order> ended;
  for (int i = 0; i < 50; ++i) {
    orders.push_back(new_order(second, 0, "d" + std::to_string(i), "1"));
    ids.push_back(orders.back().order.id);
    ended.push_back(orders.back().order);
  }
  ASSERT_TRUE(writer.write(orders, false));
  EXPECT_LT(rows_read([&](Session& own) { EXPECT_EQ(find_orders(own, ids)->size(), 50U); }), 1000);
  EXPECT_LT(rows_read([&](Session& own) { ASSERT_FALSE(mark_given_back(own, ended)); }), 1000);
  EXPECT_LT(rows_read([&](Session& own) {
              ASSERT_TRUE(apply_payment(own, {"msg", ids.front(), "pay", true, {1999, "EUR"}}));
              EXPECT_EQ(cancel_order(own, ids.back(), "", "", "till")->outcome, CancelResult::Outcome::cancelled);
            }),
            1000);
  const auto write_again = [&](Session&) {
    OrderWriter careful(database.options(), "reader");
    EXPECT_EQ(careful.write(orders, true)->front().outcome, WriteOutcome::existing);
  };
  EXPECT_LT(rows_read(write_again), 1000);
}

/// By statistics from before the sale the indexes of what is unpaid, or to be given back, are as cheap as the key. By
/// them each payment would read all that nobody has paid for yet.
TEST_F(SalesApartTest, WhatChangesAnOrderReadsItByItsKey) {
  database.ask("ALTER TABLE orders SET (autovacuum_enabled = false)");
  database.ask("ANALYZE");
  const std::string of_strangers = " WHERE sale_no = " + std::to_string(first.sale_no) + " AND customer_id LIKE ";
  insert_strangers(first, 20'000);
  database.ask("UPDATE orders SET status = 2, expires_at = now() + interval '1 hour'" + of_strangers + "'c1%'");
  database.ask("UPDATE orders SET status = 4, given_back = false, changed_at = now()" + of_strangers + "'c2%'");
  const NewOrder paid = unpaid(first, "paid", 60s);
  const NewOrder paid_too = unpaid(first, "paid too", 60s);
  const NewOrder declined = unpaid(first, "declined", 60s);
  const NewOrder forgotten = unpaid(first, "forgotten", -1s);
  const NewOrder ended = written(first, "b", "ended");
  cancel(ended);
  const auto tell = [](Session& own, const NewOrder& order, bool succeeded, const std::string& message) {
    return apply_payment(own, {message, order.order.id, message, succeeded, {1999, "EUR"}})->outcome;
  };
  const std::vector<std::function<void(Session&)>> changes{
      [&](Session& own) { EXPECT_EQ(tell(own, paid, true, "m1"), PaymentOutcome::confirmed); },
      [&](Session& own) {
        const ToldPayment told{{"m6", paid_too.order.id, "p", true, {1999, "EUR"}}, {}};
        EXPECT_TRUE(confirm_payments(own, {&told, 1})->front());
      },
      [&](Session& own) {
        for (const char* message : {"m2", "m3", "m4"}) (void)tell(own, declined, false, message);
        EXPECT_EQ(tell(own, declined, true, "m5"), PaymentOutcome::late);
      },
      [&](Session& own) { EXPECT_EQ(expire_orders(own, first.sale_no, 100)->size(), 1U); },
      [&](Session& own) {
        EXPECT_FALSE(mark_given_back(own, {&ended.order, 1}));
      }};
  for (std::size_t i = 0; i < changes.size(); ++i) EXPECT_LT(rows_read(changes[i]), 100) << i;
  EXPECT_EQ(database.count("SELECT count(*) FROM orders WHERE given_back AND order_id = '" +
                           ended.order.id.to_string() + "'"),
            1);
}

/// To look a list of a sale's orders up by the sale alone looks cheaper than by each one's key, where most sales are
/// small.
TEST_F(SalesApartTest, ALargeSaleAmongSmallOnesIsReadByItsKeys) {
  database.ask("ALTER TABLE orders SET (autovacuum_enabled = false)");
  for (int i = 0; i < 20; ++i) insert_strangers(create("small-" + std::to_string(i)), 100);
  insert_strangers(second, 20'000);
  expect_lists_read_by_keys(second, [&] { database.ask("ANALYZE"); });
}

/// And where all that was there has been archived, as before each sale of some shops: the planner knows of no row, and
/// autovacuum tells it of the new ones late.
TEST_F(SalesApartTest, TheFirstSaleInATableThatWasEmptiedIsReadByItsKeys) {
  database.ask("ALTER TABLE orders SET (autovacuum_enabled = false)");
  insert_strangers(first, 20'000);
  database.ask("DELETE FROM orders");
  // As where somebody was in the way, or a page at the end was in use: the pages stay.
  vacuum("VACUUM (ANALYZE, TRUNCATE false) orders");
  ASSERT_EQ(database.ask("SELECT reltuples FROM pg_class WHERE relname = 'orders'"), "0");
  const Sale sale = create("new", {100'000});
  std::vector<NewOrder> batch;
  for (int i = 0; i < 8'000; ++i) {
    batch.push_back(new_order(sale, 0, "b" + std::to_string(i), "1"));
    if (batch.size() < 200) continue;
    ASSERT_TRUE(writer.write(batch, false));
    batch.clear();
  }
  expect_lists_read_by_keys(sale, [] {});
}

TEST_F(SalesApartTest, OrdersAreCountedWhereThePlannerKnowsOfFewAndNobodyElseDoesIt) {
  database.ask("ALTER TABLE orders SET (autovacuum_enabled = false)");
  insert_strangers(first, 3000);
  const auto refresh = [&] { return database.ask("SELECT refresh_order_statistics(8000)"); };
  {
    pqxx::connection other(database.url());
    pqxx::work vacuuming(other);
    vacuuming.exec("LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE");
    EXPECT_EQ(refresh(), "f");
  }
  EXPECT_EQ(refresh(), "t");
  EXPECT_EQ(database.ask("SELECT reltuples FROM pg_class WHERE relname = 'orders'"), "3000");
  insert_strangers(second, 6000);
  EXPECT_EQ(refresh(), "t");
  EXPECT_EQ(refresh(), "f");
}

/// A small sale beside a large one costs what it has, whoever reads all of it, also when the statistics know only the
/// large one.
TEST_F(SalesApartTest, AWholeSaleIsReadWithoutTheRowsOfAnother) {
  database.ask("ALTER TABLE orders SET (autovacuum_enabled = false)");
  insert_strangers(first, 50'000);
  database.ask("ANALYZE");
  for (int i = 0; i < 10; ++i) written(second, "d" + std::to_string(i), "1");
  const auto until = new_order(second, 0, "a", "1").order.created_at;
  std::vector<OrderId> pending;
  for (int i = 0; i < 50; ++i) pending.push_back(new_order(second, 0, "e" + std::to_string(i), "1").order.id);
  std::size_t read = 0;
  const auto count = [&](std::span<const Order> orders) {
    read += orders.size();
    return true;
  };
  const SnapshotReader reader{[](const Sale&) { return true; }, count, [](const Order&) {}};
  const std::vector<std::function<void(Session&)>> looks{
      [&](Session& own) { EXPECT_EQ(read_audit(own, second.sale_no, until, pending)->items[0].live_units, 10); },
      [&](Session& own) {
        read = 0;
        EXPECT_FALSE(read_snapshot(own, second.sale_no, reader));
        EXPECT_EQ(read, 10U);
      },
      [&](Session& own) { EXPECT_TRUE(read_report(own, "second").value()); }};
  for (const char* statistics : {"SELECT 1", "ANALYZE"}) {
    database.ask(statistics);
    for (std::size_t i = 0; i < looks.size(); ++i) EXPECT_LT(rows_read(looks[i]), 1000) << i << ' ' << statistics;
  }
}

/// What is unpaid or freed in one sale is nothing to another, however much it is and however large that one.
TEST_F(SalesApartTest, ASaleIsLookedThroughForWhatIsItsOwn) {
  insert_strangers(first, 50'000);
  insert_strangers(second, 50'000);
  database.ask("UPDATE orders SET status = 2, expires_at = now() - interval '1 hour' WHERE sale_no = " +
               std::to_string(first.sale_no) + " AND customer_id LIKE 'c1%'");
  database.ask(
      "UPDATE orders SET status = 4, given_back = false, changed_at = now() - interval '1 hour'"
      " WHERE sale_no = " +
      std::to_string(first.sale_no) + " AND customer_id LIKE 'c2%'");
  for (const char* statistics : {"SELECT 1", "ANALYZE"}) {
    database.ask(statistics);
    const std::vector<std::function<void(Session&)>> looks{
        [&](Session& own) { EXPECT_FALSE(*is_unsettled(own, second)); },
        [&](Session& own) { EXPECT_TRUE(find_freed_orders(own, second.sale_no, 0ms, 100)->empty()); },
        [&](Session& own) { EXPECT_TRUE(expire_orders(own, second.sale_no, 100)->empty()); },
        [&](Session& own) { EXPECT_TRUE(find_held_items(own, second.sale_no)->empty()); },
        [&](Session& own) { EXPECT_THAT(*find_sales_due(own), ::testing::ElementsAre(first.sale_no)); },
        [&](Session& own) {
          EXPECT_THAT(*find_sales_with_freed_orders(own, InRedis::yes, 0ms), ::testing::ElementsAre(first.sale_no));
        },
        [&](Session& own) {
          EXPECT_TRUE(
              find_unpaid_items(own, std::vector<ItemOfSale>{{second.sale_no, second.items[0].item_no}})->empty());
        }};
    for (std::size_t i = 0; i < looks.size(); ++i) EXPECT_LT(rows_read(looks[i]), 1000) << i << ' ' << statistics;
  }
}

TEST_F(SalesApartTest, FindsTheSalesThatHaveSomethingToGiveBack) {
  EXPECT_TRUE(find_sales_with_freed_orders(session, InRedis::yes, 0ms)->empty());
  const auto order = written(first, "a", "1"), other = written(second, "a", "1");
  cancel(order);
  EXPECT_THAT(*find_sales_with_freed_orders(session, InRedis::yes, 0ms), ::testing::ElementsAre(first.sale_no));
  EXPECT_TRUE(find_sales_with_freed_orders(session, InRedis::yes, 1h)->empty());
  cancel(other);
  cancel(written(second, "b", "1"));
  EXPECT_THAT(*find_sales_with_freed_orders(session, InRedis::yes, 0ms),
              ::testing::UnorderedElementsAre(first.sale_no, second.sale_no));
  EXPECT_THAT(ids_of(find_freed_orders(session, first.sale_no, 0ms, 10)), ::testing::ElementsAre(order.order.id));
  // One answer may tell of orders of several sales.
  ASSERT_FALSE(mark_given_back(session, std::vector{order.order, other.order}));
  EXPECT_THAT(*find_sales_with_freed_orders(session, InRedis::yes, 0ms), ::testing::ElementsAre(second.sale_no));
}

TEST_F(SalesApartTest, FindsTheSalesWithOrdersWhoseTimeIsOver) {
  unpaid(first, "1", 1h);
  written(first, "a", "2");
  EXPECT_TRUE(find_sales_due(session)->empty());
  unpaid(second, "1", -1s);
  unpaid(second, "2", -2s);
  EXPECT_THAT(*find_sales_due(session), ::testing::ElementsAre(second.sale_no));
  unpaid(first, "3", -1s);
  EXPECT_THAT(*find_sales_due(session), ::testing::UnorderedElementsAre(first.sale_no, second.sale_no));
  EXPECT_EQ(expire_orders(session, second.sale_no, 10)->size(), 2U);
  EXPECT_THAT(*find_sales_due(session), ::testing::ElementsAre(first.sale_no));
}

TEST_F(SalesApartTest, OrdersOfASaleExpireWhoeverHoldsAnother) {
  for (const char* table : {"orders", "items", "sales"}) {
    const auto held = unpaid(first, table, -3s), free = unpaid(second, table, -1s);
    {
      const Holder holder(database, table, first);
      EXPECT_THAT(*find_sales_due(session), ::testing::UnorderedElementsAre(first.sale_no, second.sale_no)) << table;
      EXPECT_THAT(ids_of(expire_orders(session, second.sale_no, 1)), ::testing::ElementsAre(free.order.id)) << table;
      EXPECT_EQ(sold(second), 0) << table;
      ASSERT_FALSE(mark_given_back(session, {&free.order, 1})) << table;
    }
    (void)expire_orders(session, first.sale_no, 10);
    EXPECT_EQ(find_orders(session, {&held.order.id, 1})->front().status, OrderStatus::expired) << table;
    EXPECT_EQ(sold(first), 0) << table;
  }
}

/// Whoever expires orders of one sale keeps nobody from those of another.
TEST_F(SalesApartTest, TwoSalesExpireAtOnce) {
  const auto of_first = unpaid(first, "1", -1s), of_second = unpaid(second, "1", -1s);
  std::optional<Holder> holder(std::in_place, database, "items", first);
  std::thread waiting([&] {
    Session own = database.connect("waiting");
    EXPECT_THAT(ids_of(expire_orders(own, first.sale_no, 10)), ::testing::ElementsAre(of_first.order.id));
  });
  const std::string blocked =
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'waiting' AND wait_event_type = 'Lock'"
      " AND datname = current_database()";
  for (int i = 0; i < 500 && database.count(blocked) == 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(database.count(blocked), 1);
  EXPECT_THAT(ids_of(expire_orders(session, second.sale_no, 10)), ::testing::ElementsAre(of_second.order.id));
  EXPECT_TRUE(expire_orders(session, first.sale_no, 10)->empty()) << "somebody is at it";
  holder.reset();
  waiting.join();
}

TEST_F(SalesApartTest, AMessageIsKnownByItsIdWithinItsSale) {
  const auto of_first = unpaid(first, "1", 1h), of_second = unpaid(second, "1", 1h);
  const auto event = [](const NewOrder& order, const std::string& payment_id) {
    return PaymentEvent{"m", order.order.id, payment_id, true, {1999, "EUR"}};
  };
  const auto one = apply_payment(session, event(of_first, "p1"));
  ASSERT_TRUE(one) << one.error().message();
  EXPECT_EQ(one->outcome, PaymentOutcome::confirmed);
  EXPECT_EQ(one->sale_id, "first");
  const auto two = apply_payment(session, event(of_second, "p2"));
  ASSERT_TRUE(two) << two.error().message();
  EXPECT_EQ(two->outcome, PaymentOutcome::confirmed);
  EXPECT_EQ(two->webhook_id, "m");
  EXPECT_FALSE(two->repeated);
  EXPECT_EQ(two->sale_id, "second");
  EXPECT_TRUE(apply_payment(session, event(of_first, "p1"))->repeated);
  EXPECT_TRUE(apply_payment(session, event(of_second, "p2"))->repeated);
  EXPECT_EQ(settle_payment(session, {second.sale_no, "m"}, 1h)->row.id, of_second.order.id);
  EXPECT_EQ(database.count("SELECT count(*) FROM payment_events"), 2);
}

TEST_F(SalesApartTest, OpenMessagesArePagedThroughSaleBySale) {
  std::vector<PaymentKey> keys;
  for (const Sale& sale : {first, second}) {
    for (const char* id : {"m1", "m2", "m3"}) {
      const auto unwritten = sample::order_id("a", id, sale.sale_no);
      const auto told = apply_payment(session, {id, unwritten, id, true, {1999, "EUR"}});
      ASSERT_TRUE(told) << told.error().message();
      EXPECT_EQ(told->outcome, PaymentOutcome::waiting);
      keys.push_back({sale.sale_no, id});
    }
  }
  std::ranges::sort(keys);
  const auto sales = find_sales_with_open_payments(session, 0, 10).value();
  EXPECT_EQ(sales, (std::vector{keys[0].sale_no, keys[3].sale_no}));
  EXPECT_EQ(*find_sales_with_open_payments(session, 0, 1), std::vector{sales[0]});
  EXPECT_EQ(*find_sales_with_open_payments(session, sales[0], 10), std::vector{sales[1]});
  const auto open = [&](const PaymentKey& after, std::int32_t limit) {
    return find_open_payments(session, after, 0ms, limit).value();
  };
  EXPECT_EQ(open({sales[0], ""}, 2), (std::vector{keys[0], keys[1]}));
  EXPECT_EQ(open(keys[1], 2), std::vector{keys[2]}) << "and none of the other sale";
  EXPECT_TRUE(find_open_payments(session, {sales[0], ""}, 1h, 10)->empty());
  // One that ends leaves that of the other sale open.
  EXPECT_EQ(settle_payment(session, keys[1], 0s)->outcome, PaymentOutcome::refund_required);
  EXPECT_EQ(open({sales[0], ""}, 10), (std::vector{keys[0], keys[2]}));
  EXPECT_EQ(open({sales[1], ""}, 10), (std::vector{keys[3], keys[4], keys[5]}));
}

/// It names a sale that there is not, or not yet: what is told is kept, and the money goes back in the end.
TEST_F(SalesApartTest, MoneyForAnOrderOfNoSaleIsNotLost) {
  const auto nowhere = sample::order_id("a", "1", first.sale_no == 1 ? 2 : 1);
  const PaymentEvent event{"m", nowhere, "p", true, {1999, "EUR"}};
  EXPECT_EQ(apply_payment(session, event)->outcome, PaymentOutcome::waiting);
  EXPECT_EQ(settle_payment(session, {nowhere.sale_no(), "m"}, 0s)->outcome, PaymentOutcome::refund_required);
  EXPECT_EQ(database.count("SELECT count(*) FROM refunds"), 1);
}

TEST_F(SalesApartTest, UnpaidItemsAndRefusalsAreCountedBySale) {
  unpaid(first, "1", 1h);
  const std::vector<ItemOfSale> items{{first.sale_no, first.items[0].item_no},
                                      {first.sale_no, first.items[1].item_no},
                                      {second.sale_no, second.items[0].item_no}};
  EXPECT_THAT(*find_unpaid_items(session, items), ::testing::ElementsAre(first.items[0].item_no));

  for (int i = 0; i < 2; ++i) {
    ASSERT_FALSE(add_refusals(session, first.sale_no, {{"sold_out", 2}}));
    ASSERT_FALSE(add_refusals(session, second.sale_no, {{"sold_out", 3}}));
  }
  const auto refused = [&](const char* sale_id) {
    return read_report(session, sale_id).value().value().refusals.value();
  };
  ASSERT_EQ(refused("first").size(), 1U);
  EXPECT_EQ(refused("first")[0].count, 4);
  ASSERT_EQ(refused("second").size(), 1U);
  EXPECT_EQ(refused("second")[0].count, 6);
}

TEST_F(SalesApartTest, NoItemOfAnotherSaleIsTouched) {
  const auto foreign = second.items[0].item_no;
  const auto change = OrderId::derive_change("first", "sku-1", "1");
  EXPECT_EQ(add_stock(session, first.sale_no, foreign, change, 1, "till")->outcome,
            StockChangeResult::Outcome::unknown_item);
  NewOrder order = new_order(first, 0, "a", "1");
  order.order.lines = {{foreign, 1}};
  const auto results = writer.write({&order, 1}, false);
  ASSERT_TRUE(results) << results.error().message();
  EXPECT_EQ(results->front().outcome, WriteOutcome::rejected);
  EXPECT_EQ(results->front().row.reason, "unknown_item");
  EXPECT_EQ(sold(second), 0);
}

}  // namespace
}  // namespace flashsale::postgres
