#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <thread>

#include "flashsale/postgres/archive.hpp"
#include "flashsale/postgres/erasure_repository.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/order_export.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/postgres/rehearsal.hpp"
#include "flashsale/postgres/report_repository.hpp"
#include "flashsale/postgres/retention.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale::postgres {
namespace {

using testing::new_order;
using testing::PostgresDatabase;
using Outcome = ArchiveResult::Outcome;
using namespace std::chrono_literals;

/// A row lock of somebody else's, until it goes.
class RowHolder {
 public:
  RowHolder(const PostgresDatabase& database, const OrderId& id) : connection_(database.url()), tx_(connection_) {
    tx_.exec("SELECT FROM orders WHERE order_id = '" + id.to_string() + "' FOR UPDATE");
  }

 private:
  pqxx::connection connection_;
  pqxx::work tx_;
};

class ArchiveTest : public ::testing::Test {
 protected:
  Sale create(const std::string& id, PaymentMode payment = PaymentMode::none, bool rehearsal = false) {
    auto definition = testing::sale_definition(id, {100'000, 100'000});
    definition.payment = payment;
    definition.rehearsal = rehearsal;
    const auto created = create_sale(session, definition, "test");
    if (!created || !*created) throw std::runtime_error("the sale cannot be created");
    return **created;
  }

  NewOrder write(const Sale& sale, const std::string& customer, const std::string& key, std::int32_t quantity = 1) {
    const auto order = new_order(sale, 0, customer, key, quantity);
    const auto results = writer.write({&order, 1}, false);
    if (!results || results->front().outcome != WriteOutcome::committed) throw std::runtime_error("not written");
    return order;
  }

  /// Of customers c0, c1, …, cycling through a hundred; every tenth is a cart.
  std::vector<NewOrder> write_many(const Sale& sale, int count) {
    std::vector<NewOrder> orders;
    for (int i = 0; i < count; ++i) {
      orders.push_back(new_order(sale, static_cast<std::size_t>(i % 2), "c" + std::to_string(i % 100),
                                 std::to_string(i), 1 + i % 3));
      if (i % 10 == 5) orders.back().order.lines = {{sale.items[0].item_no, 1}, {sale.items[1].item_no, 2}};
    }
    if (!writer.write(orders, false)) throw std::runtime_error("not written");
    return orders;
  }

  void let_go(const Sale& sale) {
    SalePatch patch;
    patch.state = SaleState::closed;
    if (!patch_sale(session, sale.id, patch, "test")) throw std::runtime_error("not closed");
    const auto gone = let_sale_go(session, *find_sale(session, sale.id).value());
    if (!gone || !*gone) throw std::runtime_error("not let go");
  }

  void set_status(const NewOrder& order, OrderStatus status) {
    database.ask("UPDATE orders SET status = " + std::to_string(static_cast<int>(status)) + " WHERE order_id = '" +
                 order.order.id.to_string() + "'");
  }

  std::int64_t archive(const Sale& sale) {
    const auto result = archive_sale(session, sale.id, "test");
    if (!result || result->outcome != Outcome::archived) throw std::runtime_error("not archived");
    return result->orders;
  }

  [[nodiscard]] std::int64_t hot(const std::string& where = "true") const {
    return database.count("SELECT count(*) FROM orders WHERE " + where);
  }
  [[nodiscard]] std::int64_t archived(const std::string& where = "true") const {
    return database.count("SELECT count(*) FROM archived_orders WHERE " + where);
  }
  [[nodiscard]] static std::string is(const NewOrder& order) {
    return "order_id = '" + order.order.id.to_string() + "'";
  }

  /// No order stands in both tables, and what is sold is what the live ones have.
  void expect_kept(std::int64_t orders) const {
    EXPECT_EQ(database.count("SELECT count(*) FROM all_orders"), orders);
    EXPECT_EQ(database.count("SELECT count(DISTINCT order_id) FROM all_orders"), orders);
    EXPECT_EQ(database.ask("SELECT count(*) FROM items WHERE sold <> coalesce((SELECT sum(quantity) FROM order_lines"
                           " WHERE order_lines.item_no = items.item_no AND status IN (1, 2)), 0)"),
              "0");
  }

  PaymentEvent payment(const NewOrder& order, const std::string& webhook_id, const std::string& payment_id) {
    std::int64_t units = 0;
    for (const auto& line : order.order.lines) units += line.quantity;
    return {webhook_id, order.order.id, payment_id, true, {1999 * units, "EUR"}};
  }
  [[nodiscard]] std::int64_t refunds(const NewOrder& order) const {
    return database.count("SELECT count(*) FROM refunds WHERE order_id = '" + order.order.id.to_string() + "'");
  }

  /// In all sales. How many orders; -1: an error.
  static std::int64_t erase(Session& session, const std::string& customer, const std::string& pseudonym) {
    const auto sales = find_sales_of_customer(session, customer);
    if (!sales) return -1;
    std::int64_t orders = 0;
    for (const auto& sale : *sales) {
      const auto erased = erase_orders(session, sale, customer, pseudonym, {}, 1000, "till");
      if (!erased) return -1;
      orders += erased->count;
    }
    return orders;
  }

  /// Works on a session of its own, until join_all().
  void in_thread(const std::function<void(Session&)>& work) {
    threads_.emplace_back([this, work] {
      Session own = database.connect("another");
      work(own);
    });
  }
  void join_all() {
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }
  /// Until so many sessions wait for a lock.
  void await_waiters(std::int64_t count) const {
    const std::string waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while (database.count(waiting) < count) std::this_thread::sleep_for(5ms);
  }

  PostgresDatabase database;
  Session session = database.connect("archive");
  OrderWriter writer{database.options(), "writer"};

 private:
  std::vector<std::thread> threads_;
};

TEST_F(ArchiveTest, BothTablesHaveTheSameColumns) {
  const auto columns = [&](const std::string& table) {
    return database.ask(
        "SELECT string_agg(concat_ws(' ', column_name, data_type, udt_name, is_nullable, collation_name), ', '"
        " ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = '" +
        table + "'");
  };
  EXPECT_EQ(columns("archived_orders"), columns("orders"));
}

TEST_F(ArchiveTest, RefusesWhatIsNoPastSale) {
  const Sale open = create("open");
  const Sale rehearsal = create("rehearsal", PaymentMode::none, true);
  write(open, "a", "1");
  write(rehearsal, "a", "1");
  let_go(rehearsal);
  const auto outcome_of = [&](std::string_view id) { return archive_sale(session, id, "test").value().outcome; };
  EXPECT_EQ(outcome_of("open"), Outcome::not_let_go);
  EXPECT_EQ(outcome_of("rehearsal"), Outcome::rehearsal);
  EXPECT_EQ(outcome_of("no-such-sale"), Outcome::unknown_sale);
  EXPECT_EQ(outcome_of(""), Outcome::unknown_sale);
  EXPECT_EQ(outcome_of(std::string_view("open\0x", 6)), Outcome::unknown_sale);
  EXPECT_EQ(archived(), 0);
  EXPECT_EQ(hot(), 2);
  EXPECT_EQ(database.ask("SELECT count(*) FROM sales WHERE archived_at IS NOT NULL"), "0");
}

TEST_F(ArchiveTest, MovesWholeRowsOnce) {
  const Sale sale = create("drop"), other = create("other");
  const auto orders = write_many(sale, 4500);
  write(other, "a", "1");
  ASSERT_EQ(cancel_order(session, orders[0].order.id, "", "called")->outcome, CancelResult::Outcome::cancelled);
  database.ask("UPDATE orders SET given_back = true WHERE given_back = false");
  const auto rows = [&] {
    return database.ask("SELECT md5(string_agg(o::text, ',' ORDER BY order_id, sku)) FROM order_units o");
  };
  const auto whole = [&](const std::string& table) {
    return database.ask("SELECT md5(string_agg(o::text, ',' ORDER BY order_id)) FROM " + table +
                        " o WHERE sale_no = " + std::to_string(sale.sale_no));
  };
  const auto units = rows(), before = whole("orders");
  let_go(sale);
  EXPECT_EQ(archive(sale), 4500);
  EXPECT_EQ(hot(), 1);
  EXPECT_EQ(archived(), 4500);
  EXPECT_EQ(rows(), units);
  EXPECT_EQ(whole("archived_orders"), before);
  EXPECT_EQ(database.count("SELECT count(*) FROM order_lines WHERE " + is(orders[5])), 2);
  EXPECT_EQ(archive(sale), 0);
  EXPECT_EQ(database.ask("SELECT concat_ws('|', count(*), min(subject), min(who)) FROM admin_log"
                         " WHERE action = 'sale.archived'"),
            "1|drop|test");
  EXPECT_TRUE(find_sale(session, "drop").value()->archived);
  EXPECT_FALSE(find_sale(session, "other").value()->archived);
}

TEST_F(ArchiveTest, WhatIsReadOfASaleIsTheSameAsBefore) {
  const Sale sale = create("drop");
  const auto orders = write_many(sale, 300);
  ASSERT_EQ(cancel_order(session, orders[0].order.id, "", "")->outcome, CancelResult::Outcome::cancelled);
  const NewOrder too_many = new_order(sale, 0, "greedy", "1", 1'000'000);
  ASSERT_EQ(writer.write({&too_many, 1}, false)->front().outcome, WriteOutcome::rejected);
  database.ask("UPDATE orders SET given_back = true WHERE given_back = false");
  let_go(sale);
  const auto seen = [&] {
    const auto report = read_report(session, "drop").value().value();
    const auto audit = read_audit(session, sale.sale_no, new_order(sale, 0, "a", "now").order.created_at, {}).value();
    std::string text;
    for (std::size_t i = 0; i < 2; ++i) {
      for (const auto& totals : report.items[i].by_status) {
        text += std::to_string(totals.orders) + "/" + std::to_string(totals.units) + " ";
      }
      const auto& item = audit.items[i];
      text += std::to_string(item.live_units) + "=" + std::to_string(item.sold) + "; ";
    }
    for (const auto& point : report.curve)
      text += std::to_string(point.orders) + "," + std::to_string(point.units) + " ";
    std::size_t exported = 0;
    SnapshotReader reader;
    reader.sale = [](const Sale&) { return true; };
    reader.orders = [&](std::span<const Order> some) { return exported += some.size(), true; };
    EXPECT_FALSE(export_orders(session, "drop", reader));
    return text + std::to_string(exported);
  };
  const auto before = seen();
  EXPECT_EQ(archive(sale), 301);
  EXPECT_EQ(seen(), before);
  EXPECT_THAT(before, ::testing::EndsWith("301"));
}

TEST_F(ArchiveTest, ABuyersOrdersAreOneListFromBothTables) {
  const Sale past = create("past"), open = create("open");
  std::vector<OrderId> ids;
  for (int i = 0; i < 12; ++i) ids.push_back(write(i % 2 == 0 ? past : open, "me", std::to_string(i)).order.id);
  let_go(past);
  EXPECT_EQ(archive(past), 6);
  const auto list = [&](bool may_be_archived) {
    // From the sale on in which the page before ended.
    std::vector<CustomerRange> ranges{{testing::first_of(open, "me"), false},
                                      {testing::first_of(past, "me"), may_be_archived}};
    std::vector<OrderId> seen;
    std::optional<OrderId> cursor;
    for (;;) {
      const auto page = find_orders_of_customer(session, "me", ranges, cursor, 5).value();
      if (page.empty()) return seen;
      for (const auto& order : page) seen.push_back(order.id);
      cursor = page.back().id;
      if (cursor->sale_no() == past.sale_no && ranges.size() == 2) ranges.erase(ranges.begin());
    }
  };
  // The open sale is the newer one, its orders first.
  auto sorted = ids;
  std::ranges::sort(sorted);
  const auto behind =
      std::ranges::stable_partition(sorted, [&](const OrderId& id) { return id.sale_no() == open.sale_no; });
  EXPECT_EQ(list(false), std::vector(sorted.begin(), behind.begin()));
  EXPECT_EQ(list(true), sorted);
  const auto found = find_orders(session, ids);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size(), ids.size());
  EXPECT_TRUE(find_orders(session, std::array{sample::order_id("me", "none", past.sale_no)})->empty());
}

TEST_F(ArchiveTest, WhatIsArchivedIsNotCancelled) {
  const Sale sale = create("drop");
  const auto live = write(sale, "a", "1", 2), cancelled = write(sale, "a", "2");
  ASSERT_EQ(cancel_order(session, cancelled.order.id, "a", "")->outcome, CancelResult::Outcome::cancelled);
  database.ask("UPDATE orders SET given_back = true WHERE given_back = false");
  let_go(sale);
  EXPECT_EQ(archive(sale), 2);
  for (const char* who : {"a", ""}) {
    const auto result = cancel_order(session, live.order.id, who, "", who);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->outcome, CancelResult::Outcome::too_late);
    EXPECT_EQ(result->row.status, OrderStatus::confirmed);
    EXPECT_EQ(result->sale_id, "drop");
    // One that was cancelled is told so again, as before.
    EXPECT_EQ(cancel_order(session, cancelled.order.id, who, "")->outcome, CancelResult::Outcome::already_cancelled);
  }
  EXPECT_EQ(cancel_order(session, live.order.id, "b", "")->outcome, CancelResult::Outcome::unknown);
  EXPECT_EQ(database.ask("SELECT count(*) FROM admin_log WHERE action = 'order.cancelled'"), "0");
  expect_kept(2);
}

TEST_F(ArchiveTest, WhatHasEndedAfterItsSaleWasLetGoHasNobodyToTell) {
  const Sale sale = create("drop");
  const auto order = write(sale, "a", "1"), unpaid = write(sale, "a", "2");
  let_go(sale);
  ASSERT_EQ(cancel_order(session, order.order.id, "", "", "till")->outcome, CancelResult::Outcome::cancelled);
  // Such a row cannot come to be any more. Should it all the same, it stays until it has ended.
  set_status(unpaid, OrderStatus::awaiting_payment);
  EXPECT_EQ(archive(sale), 1);
  EXPECT_TRUE(cancel_order(session, order.order.id, "a", "")->given_back);
  EXPECT_EQ(hot(is(unpaid)), 1);
  set_status(unpaid, OrderStatus::confirmed);
  EXPECT_EQ(archive(sale), 1);
  expect_kept(2);
}

/// Whoever has written an order of this sale, under whatever epoch and however long it was away since, adds none.
TEST_F(ArchiveTest, NoOrderOfAnArchivedSaleIsWrittenAgain) {
  const Sale sale = create("drop");
  const auto order = write(sale, "a", "1");
  const auto unknown = new_order(sale, 0, "a", "2");
  let_go(sale);
  ASSERT_EQ(archive(sale), 1);
  ASSERT_TRUE(raise_epoch(session, sale.sale_no, find_sale(session, "drop").value()->epoch, 0));
  EXPECT_FALSE(raise_epoch(session, sale.sale_no, find_sale(session, "drop").value()->epoch, 0)->has_value());
  for (const bool may_exist : {false, true}) {
    for (const auto& late : {order, unknown}) {
      const auto results = writer.write({&late, 1}, may_exist);
      ASSERT_TRUE(results);
      EXPECT_EQ(results->front().outcome, WriteOutcome::stale_epoch);
    }
  }
  EXPECT_EQ(hot(), 0);
  expect_kept(1);
}

TEST_F(ArchiveTest, ARefusalThatComesTooLateGivesWayToTheArchivedOrder) {
  const Sale sale = create("drop");
  auto refused = write(sale, "a", "1");
  auto unknown = new_order(sale, 0, "b", "1");
  let_go(sale);
  ASSERT_EQ(archive(sale), 1);
  for (auto* order : {&refused, &unknown}) {
    order->order.status = OrderStatus::rejected;
    order->order.reason = "sold_out";
  }
  const std::vector<NewOrder> batch{refused, unknown};
  const auto results = writer.write(batch, true);
  ASSERT_TRUE(results);
  EXPECT_EQ((*results)[0].outcome, WriteOutcome::existing);
  EXPECT_EQ((*results)[0].row.status, OrderStatus::confirmed);
  EXPECT_EQ((*results)[1].outcome, WriteOutcome::recorded);
  EXPECT_EQ(hot(is(refused)), 0);
  expect_kept(2);
  // What was recorded meanwhile is moved by the next call.
  EXPECT_EQ(archive(sale), 1);
  expect_kept(2);
}

TEST_F(ArchiveTest, ARowThatCannotBeStoredGivesWayToo) {
  const Sale sale = create("drop");
  const auto bad = new_order(sale, 0, "a\xff", "1");
  ASSERT_EQ(writer.write({&bad, 1}, false)->front().outcome, WriteOutcome::rejected);
  let_go(sale);
  ASSERT_EQ(archive(sale), 1);
  EXPECT_EQ(writer.write({&bad, 1}, true)->front().outcome, WriteOutcome::existing);
  EXPECT_EQ(hot(), 0);
  expect_kept(1);
}

TEST_F(ArchiveTest, ACancellationOfAnUnwrittenOrderThatComesTooLateDoesNothing) {
  const Sale sale = create("drop");
  const auto order = write(sale, "a", "1");
  let_go(sale);
  ASSERT_EQ(archive(sale), 1);
  const auto result = cancel_unwritten_order(session, order.order, "", "");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->outcome, CancelResult::Outcome::too_late);
  EXPECT_EQ(hot(), 0);
  expect_kept(1);
}

TEST_F(ArchiveTest, AnErasureReachesBothTables) {
  const Sale past = create("past"), open = create("open");
  const auto archived_one = write(past, "me", "1"), hot_one = write(open, "me", "1"), others = write(past, "you", "1");
  let_go(past);
  ASSERT_EQ(archive(past), 2);
  const auto epoch = find_sale(session, "past").value()->epoch;
  const auto sales = find_sales_of_customer(session, "me");
  ASSERT_TRUE(sales);
  EXPECT_THAT(*sales, ::testing::UnorderedElementsAre(::testing::Field(&SaleOfCustomer::sale_id, "past"),
                                                      ::testing::Field(&SaleOfCustomer::sale_id, "open")));
  for (const auto& sale : *sales) EXPECT_EQ(erase_orders(session, sale, "me", "erased-1", {}, 100, "till")->count, 1);
  EXPECT_EQ(archived(is(archived_one) + " AND customer_id = 'erased-1'"), 1);
  EXPECT_EQ(hot(is(hot_one) + " AND customer_id = 'erased-1'"), 1);
  EXPECT_EQ(archived(is(others) + " AND customer_id = 'you'"), 1);
  EXPECT_EQ(find_sale(session, "past").value()->epoch, epoch);
  for (const auto& sale : *sales) EXPECT_EQ(erase_orders(session, sale, "me", "erased-2", {}, 100, "till")->count, 0);
  EXPECT_TRUE(find_sales_of_customer(session, "me")->empty());
}

TEST_F(ArchiveTest, MoneyForAnArchivedOrderGoesBackOnce) {
  const Sale sale = create("drop", PaymentMode::required), free = create("free");
  const auto confirmed = write(sale, "a", "1"), expired = write(sale, "a", "2"), cancelled = write(sale, "a", "3");
  const auto unpaid = write(free, "a", "1");
  set_status(expired, OrderStatus::expired);
  ASSERT_EQ(cancel_order(session, cancelled.order.id, "a", "")->outcome, CancelResult::Outcome::cancelled);
  database.ask("UPDATE items SET sold = sold - 1 WHERE item_no = " + std::to_string(sale.items[0].item_no));
  database.ask("UPDATE orders SET payment_failed = true, given_back = true WHERE " + is(cancelled));
  let_go(sale);
  let_go(free);
  ASSERT_EQ(archive(sale) + archive(free), 4);
  for (const auto& order : {confirmed, expired, cancelled, unpaid}) {
    const auto id = order.order.id.to_string();
    const auto told = apply_payment(session, payment(order, "m1" + id, "p1" + id));
    ASSERT_TRUE(told) << told.error().message();
    EXPECT_EQ(told->outcome, PaymentOutcome::refund_required);
    EXPECT_EQ(told->row.id, order.order.id);
    EXPECT_TRUE(told->row.refund_required);
    EXPECT_TRUE(apply_payment(session, payment(order, "m1" + id, "p1" + id))->repeated);
    EXPECT_EQ(apply_payment(session, payment(order, "m2" + id, "p1" + id))->outcome, PaymentOutcome::ignored);
    auto failed = payment(order, "m3" + id, "p3");
    failed.succeeded = false;
    EXPECT_EQ(apply_payment(session, failed)->outcome, PaymentOutcome::ignored);
    EXPECT_EQ(refunds(order), 1);
    EXPECT_TRUE(find_orders(session, std::array{order.order.id})->front().refund_required);
  }
  expect_kept(4);
}

TEST_F(ArchiveTest, ALatePaymentThatWaitsWhileItsOrderIsArchivedGoesBackOnce) {
  const Sale sale = create("drop", PaymentMode::required);
  const auto expired = write(sale, "a", "1");
  set_status(expired, OrderStatus::expired);
  database.ask("UPDATE items SET sold = 0");
  let_go(sale);
  ASSERT_EQ(apply_payment(session, payment(expired, "m1", "p1"))->outcome, PaymentOutcome::late);
  ASSERT_EQ(archive(sale), 1);
  // Redis cannot have taken its units again; whoever says so is not believed.
  auto taken = expired.order;
  taken.generation = 1;
  EXPECT_EQ(*confirm_late_payment(session, taken, find_sale(session, "drop").value()->epoch), LateOutcome::over);
  EXPECT_EQ(settle_payment(session, {sale.sale_no, "m1"}, 1h)->outcome, PaymentOutcome::refund_required);
  EXPECT_EQ(settle_payment(session, {sale.sale_no, "m1"}, 0s)->outcome, PaymentOutcome::refund_required);
  EXPECT_EQ(refunds(expired), 1);
  EXPECT_EQ(database.count("SELECT sum(sold) FROM items"), 0);
  expect_kept(1);
}

/// Nothing does that. Should somebody's hand have done it, neither row is thrown away.
TEST_F(ArchiveTest, AnOrderThatStandsInBothTablesIsLeftForPeople) {
  const Sale sale = create("drop");
  const auto order = write(sale, "a", "1");
  let_go(sale);
  database.ask("INSERT INTO archived_orders SELECT * FROM orders");
  const auto result = archive_sale(session, "drop", "test");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), make_error_code(Failure::data_refused));
  EXPECT_EQ(hot(is(order)) + archived(is(order)), 2);
}

TEST_F(ArchiveTest, TwoAtOnceMoveEachOrderOnce) {
  const Sale sale = create("drop");
  write_many(sale, 9000);
  let_go(sale);
  std::atomic<std::int64_t> moved{0};
  for (int t = 0; t < 3; ++t) {
    in_thread([&](Session& own) {
      const auto result = archive_sale(own, "drop", "test");
      ASSERT_TRUE(result) << result.error().message();
      moved += result->orders;
    });
  }
  join_all();
  EXPECT_EQ(moved, 9000);
  EXPECT_EQ(hot(), 0);
  EXPECT_EQ(database.ask("SELECT count(*) FROM admin_log WHERE action = 'sale.archived'"), "1");
  expect_kept(9000);
}

TEST_F(ArchiveTest, OneThatDiesInTheMiddleIsFinishedByTheNext) {
  const Sale sale = create("drop");
  const auto orders = write_many(sale, 7000);
  let_go(sale);
  std::thread victim;
  {
    // All others are moved before it is waited for.
    const RowHolder holder(database, orders.back().order.id);
    std::atomic<bool> dead{false};
    victim = std::thread([&] {
      Session own = database.connect("victim");
      EXPECT_FALSE(archive_sale(own, "drop", "test"));
      dead = true;
    });
    while (archived() < 6999) std::this_thread::sleep_for(5ms);
    // It takes another connection once, and waits again.
    while (!dead) {
      (void)database.terminate("victim");
      std::this_thread::sleep_for(20ms);
    }
    victim.join();
  }
  EXPECT_EQ(hot(), 1);
  expect_kept(7000);
  EXPECT_EQ(archive(sale), 1);
  EXPECT_EQ(hot(), 0);
  expect_kept(7000);
}

/// Each waits for the archive to end with the row, then judges what it finds.
TEST_F(ArchiveTest, WhoeverWaitsForARowFindsItInTheArchive) {
  const Sale sale = create("drop", PaymentMode::required);
  const auto one = write(sale, "a", "1"), two = write(sale, "b", "1"), three = write(sale, "c", "1");
  set_status(two, OrderStatus::expired);
  database.ask("UPDATE items SET sold = 2 WHERE sold > 0");
  let_go(sale);
  pqxx::connection connection(database.url());
  pqxx::work tx(connection);
  tx.exec("WITH moved AS (DELETE FROM orders RETURNING *) INSERT INTO archived_orders SELECT * FROM moved");
  in_thread([&](Session& own) {
    EXPECT_EQ(cancel_order(own, one.order.id, "", "", "till")->outcome, CancelResult::Outcome::too_late);
  });
  in_thread([&](Session& own) {
    EXPECT_EQ(apply_payment(own, payment(two, "m1", "p1"))->outcome, PaymentOutcome::refund_required);
  });
  in_thread([&](Session& own) { EXPECT_EQ(erase(own, "c", "erased-1"), 1); });
  in_thread([&](Session& own) {
    auto refused = three;
    refused.order.status = OrderStatus::rejected;
    EXPECT_EQ(writer.write({&refused, 1}, true)->front().outcome, WriteOutcome::existing);
    (void)own;
  });
  await_waiters(4);
  tx.commit();
  join_all();
  EXPECT_EQ(hot(), 0);
  EXPECT_EQ(archived("customer_id = 'c'"), 0);
  EXPECT_EQ(refunds(two), 1);
  expect_kept(3);
}

TEST_F(ArchiveTest, TheArchiveTakesARowAsWhoeverHeldItHasLeftIt) {
  const Sale sale = create("drop");
  const auto order = write(sale, "a", "1");
  let_go(sale);
  pqxx::connection connection(database.url());
  pqxx::work tx(connection);
  tx.exec("UPDATE orders SET customer_id = 'erased-1'");
  std::thread archiver([&] { EXPECT_EQ(archive(sale), 1); });
  await_waiters(1);
  tx.commit();
  archiver.join();
  EXPECT_EQ(archived(is(order) + " AND customer_id = 'erased-1'"), 1);
}

TEST_F(ArchiveTest, RacesLeaveEveryOrderInOnePlaceAndEveryUnitCounted) {
  const Sale sale = create("drop", PaymentMode::required);
  const auto orders = write_many(sale, 6000);
  let_go(sale);
  in_thread([&](Session& own) {
    for (std::size_t i = 0; i < orders.size(); i += 40) {
      const auto result = cancel_order(own, orders[i].order.id, "", "");
      ASSERT_TRUE(result) << result.error().message();
    }
  });
  in_thread([&](Session& own) {
    for (std::size_t i = 1; i < orders.size(); i += 40) {
      const auto id = std::to_string(i);
      const auto told = apply_payment(own, payment(orders[i], "m" + id, "p" + id));
      ASSERT_TRUE(told) << told.error().message();
      EXPECT_EQ(told->outcome, PaymentOutcome::refund_required);
    }
  });
  in_thread([&](Session& own) {
    for (int c = 0; c < 100; c += 2) {
      EXPECT_EQ(erase(own, "c" + std::to_string(c), "erased-" + std::to_string(c)), 60);
    }
  });
  for (int t = 0; t < 2; ++t) {
    in_thread([&](Session& own) {
      const auto result = archive_sale(own, "drop", "test");
      ASSERT_TRUE(result) << result.error().message();
    });
  }
  join_all();
  expect_kept(6000);
  archive(sale);
  EXPECT_EQ(hot(), 0);
  EXPECT_EQ(archived("given_back = false"), 0);
  EXPECT_EQ(database.count("SELECT count(*) FROM refunds"), 150);
  EXPECT_EQ(database.count("SELECT count(*) FROM all_orders WHERE refund_required"), 150);
  EXPECT_EQ(archived("customer_id LIKE 'erased-%'"), 3000);
  EXPECT_EQ(archived("customer_id LIKE 'c%' AND right(customer_id, 1)::int % 2 = 0"), 0);
  expect_kept(6000);
}

TEST_F(ArchiveTest, KnowsInWhichSalesNothingHasMoved) {
  const Sale sale = create("drop");
  const auto old = write(sale, "a", "1");
  EXPECT_TRUE(*has_moved_since(session, sale, 1));
  database.ask("UPDATE orders SET created_at = now() - interval '10 days'");
  EXPECT_FALSE(*has_moved_since(session, sale, 9));
  EXPECT_TRUE(*has_moved_since(session, sale, 11));
  ASSERT_EQ(cancel_order(session, old.order.id, "a", "")->outcome, CancelResult::Outcome::cancelled);
  EXPECT_TRUE(*has_moved_since(session, sale, 9));
  EXPECT_FALSE(*has_moved_since(session, create("empty"), 0));
}

/// The archive may be a hundred times as large as what sells: only who wants it reads it, by an index.
TEST_F(ArchiveTest, PlansLeaveTheArchiveAlone) {
  const auto plan = [&](const std::string& query) {
    pqxx::connection connection(database.url());
    pqxx::work tx(connection);
    tx.exec("SET LOCAL enable_seqscan = off");
    std::string text;
    for (const auto& row : tx.exec("EXPLAIN " + query)) text += std::string(row[0].c_str()) + "\n";
    return text;
  };
  const std::string one_sale = " WHERE sale_no = 1 AND (NOT is_archived OR ";
  EXPECT_THAT(plan("SELECT * FROM all_orders" + one_sale + "false)"),
              ::testing::Not(::testing::HasSubstr("archived_orders")));
  EXPECT_THAT(plan("SELECT * FROM all_orders" + one_sale + "true)"), ::testing::HasSubstr("archived_orders_pkey"));
  EXPECT_THAT(plan("SELECT * FROM all_orders WHERE sale_no = 1 AND status = 2 AND item_no = 1"),
              ::testing::Not(::testing::HasSubstr("archived_orders")));
  EXPECT_THAT(plan("SELECT * FROM all_orders WHERE sale_no = 1 AND customer_id = 'a' AND order_id BETWEEN"
                   " '00000001-0000-8000-8000-000000000000' AND '00000001-0000-8000-8000-1fffffffffff'"),
              ::testing::AllOf(::testing::HasSubstr("orders_pkey"), ::testing::HasSubstr("archived_orders_pkey")));
  EXPECT_THAT(plan("SELECT * FROM all_orders WHERE sale_no = 1 AND order_id = '00000001-0000-8000-8000-000000000000'"),
              ::testing::HasSubstr("archived_orders_pkey"));
}

}  // namespace
}  // namespace flashsale::postgres
