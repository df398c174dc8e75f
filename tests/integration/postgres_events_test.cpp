#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "flashsale/postgres/erasure_repository.hpp"
#include "flashsale/postgres/event_audit.hpp"
#include "flashsale/postgres/event_numbering.hpp"
#include "flashsale/postgres/event_repository.hpp"
#include "flashsale/postgres/event_sinks.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/postgres/order_writer.hpp"
#include "flashsale/postgres/outbox.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/telemetry/trace_scope.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale::postgres {
namespace {

using testing::new_order;
using testing::PostgresDatabase;
using namespace std::chrono_literals;

constexpr std::int32_t kAll = 100'000;

class EventsTest : public ::testing::Test {
 protected:
  EventsTest() { leave_events(true); }
  ~EventsTest() override { leave_events(false); }

  Sale create(const std::string& id, PaymentMode payment = PaymentMode::none, std::int64_t stock = 1000,
              bool rehearsal = false) {
    auto definition = testing::sale_definition(id, {stock, stock});
    definition.payment = payment;
    definition.payment_window_s = 600;
    definition.rehearsal = rehearsal;
    for (auto& item : definition.items) item.limit_per_customer = 0;
    const auto created = create_sale(session, definition, "test");
    if (!created || !*created) throw std::runtime_error("the sale cannot be created");
    return **created;
  }
  OrderId buy(const Sale& sale, const std::string& customer, OrderStatus status = OrderStatus::confirmed,
              std::int32_t quantity = 1) {
    auto order = new_order(sale, 0, customer, "k", quantity);
    order.order.status = status;
    if (status == OrderStatus::awaiting_payment) order.order.expires_at = order.order.created_at + 600s;
    const auto written = writer.write(std::span(&order, 1), true);
    if (!written) throw std::runtime_error(written.error().message());
    return order.order.id;
  }
  std::vector<EventRow> number_and_read(std::int64_t after = 0) {
    EXPECT_TRUE(numbering.number(kAll, false));
    return read_events(session, after, kAll).value();
  }
  std::vector<std::string> told_of(const OrderId& id, const std::vector<EventRow>& events) {
    std::vector<std::string> told;
    for (const auto& event : events) {
      if (event.order_id != id) continue;
      told.push_back(std::to_string(event.change_no) + " " + std::string(to_string(event.type)));
    }
    return told;
  }
  void pay(const OrderId& id, const std::string& payment, std::int64_t amount, bool succeeded = true) {
    const auto paid = apply_payment(session, {payment, id, payment, succeeded, {amount, "EUR"}});
    ASSERT_TRUE(paid) << paid.error().message();
  }
  void expire(const Sale& sale, const OrderId& id) {
    database.ask("UPDATE orders SET expires_at = now() - interval '1 second' WHERE order_id = '" + id.to_string() +
                 "'");
    ASSERT_EQ(expire_orders(session, sale.sale_no, 100, {}).value().size(), 1u);
  }
  void expect_whole(const Sale& sale) {
    EXPECT_TRUE(find_event_gaps(session).value().empty());
    const auto found = audit_events_of_sale(session, sale.sale_no).value();
    EXPECT_EQ(found.wrong, 0) << (found.examples.empty() ? "" : found.examples[0].order_id);
  }

  PostgresDatabase database;
  Session session = database.connect("events");
  EventNumbering numbering{database.options(), "numbering"};
  OrderWriter writer{database.options(), "writer"};
};

TEST_F(EventsTest, ABatchIsOneRowAndAnEventForEachOrder) {
  const auto sale = create("drop");
  std::vector<NewOrder> orders;
  for (int i = 0; i < 300; ++i) orders.push_back(new_order(sale, 0, "c" + std::to_string(i), "k"));
  ASSERT_TRUE(writer.write(orders, false));
  EXPECT_EQ(database.count("SELECT count(*) FROM outbox WHERE type = 1"), 1);
  const auto events = number_and_read();
  ASSERT_EQ(events.size(), 301u);  // and one of the sale
  std::set<OrderId> ids;
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].position, static_cast<std::int64_t>(i) + 1);
    if (events[i].order) ids.insert(events[i].order->id);
  }
  EXPECT_EQ(ids.size(), 300u);
  EXPECT_EQ(events.back().order->status, OrderStatus::confirmed);
  EXPECT_EQ(read_events(session, 100, 50).value().front().position, 101);
  EXPECT_EQ(read_events(session, 100, 50).value().size(), 50u);
  expect_whole(sale);
}

TEST_F(EventsTest, WhatHasCausedAnEventIsToldOfThoseThatAreKept) {
  const auto sale = create("drop", PaymentMode::required);
  const auto trace_of = [](std::uint64_t span) { return telemetry::TraceContext{{0xa, 0xb}, span, true}; };
  std::vector<NewOrder> orders;
  for (int i = 0; i < 10; ++i) {
    auto order = new_order(sale, 0, "c" + std::to_string(i), "k");
    order.order.status = OrderStatus::awaiting_payment;
    order.order.expires_at = order.order.created_at + 600s;
    orders.push_back(order);
  }
  orders[3].trace = trace_of(3);
  orders[5].trace = trace_of(5);
  orders[7].trace = trace_of(7);
  orders[7].trace.is_sampled = false;
  ASSERT_TRUE(writer.write(orders, false));
  {
    const telemetry::TraceScope scope(trace_of(0x44));
    pay(orders[4].order.id, "pay-4", 1000);
    ASSERT_TRUE(cancel_order(session, orders[3].order.id, "c3", "no"));
  }
  pay(orders[5].order.id, "pay-5", 1000);
  std::map<std::string, std::string> told;
  for (const auto& event : number_and_read()) {
    if (!event.traceparent.empty())
      told[event.order_id->to_string() + '/' + std::to_string(event.change_no)] = event.traceparent;
  }
  const auto name = [&](std::size_t i, int change) {
    return orders[i].order.id.to_string() + '/' + std::to_string(change);
  };
  const std::map<std::string, std::string> expected{{name(3, 1), format_traceparent(trace_of(3))},
                                                    {name(5, 1), format_traceparent(trace_of(5))},
                                                    {name(4, 2), format_traceparent(trace_of(0x44))},
                                                    {name(3, 2), format_traceparent(trace_of(0x44))}};
  EXPECT_EQ(told, expected);
  EXPECT_EQ(database.count("SELECT count(*) FROM outbox WHERE type = 2 AND payload IS NOT NULL"), 1);
  expect_whole(sale);
}

/// `<order>/<change>`: the two hashes, with a blank between.
std::map<std::string, std::string> origins_of(const std::vector<EventRow>& events) {
  std::map<std::string, std::string> told;
  for (const auto& event : events) {
    if (!event.client_hash.empty() || !event.card_hash.empty())
      told[event.order_id->to_string() + '/' + std::to_string(event.change_no)] =
          event.client_hash + ' ' + event.card_hash;
  }
  return told;
}

/// Both are in one row: neither may write down again what the other has taken out of it.
TEST_F(EventsTest, TwoErasuresAtOnceEachReachWhereTheirOrdersCameFrom) {
  const auto sale = create("drop");
  std::vector<NewOrder> orders;
  for (const std::string customer : {"a", "b", "c"}) {
    orders.push_back(new_order(sale, 0, customer, "k"));
    orders.back().client_hash = std::string(32, customer[0]);
  }
  ASSERT_TRUE(writer.write(orders, false));
  ASSERT_EQ(database.count("SELECT count(*) FROM outbox WHERE cardinality(order_ids) = 3"), 1);

  pqxx::connection other(database.url());
  auto holding = std::make_unique<pqxx::work>(other);
  holding->exec("SELECT 1 FROM outbox WHERE cardinality(order_ids) = 3 FOR UPDATE");
  std::vector<std::thread> erasing;
  for (const std::string customer : {"a", "b"}) {
    erasing.emplace_back([this, customer] {
      auto own = database.connect("erasing");
      const auto sales = find_sales_of_customer(own, customer).value();
      ASSERT_EQ(sales.size(), 1u);
      EXPECT_EQ(erase_orders(own, sales[0], customer, "erased-" + customer, {}, 100, "test")->count, 1);
    });
  }
  const auto waiting = [&] {
    return database.count(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
        "application_name = 'erasing' AND wait_event_type = 'Lock'");
  };
  for (int i = 0; i < 10'000 && waiting() < 2; ++i) std::this_thread::sleep_for(2ms);
  EXPECT_EQ(waiting(), 2);
  holding.reset();
  for (auto& thread : erasing) thread.join();

  const std::map<std::string, std::string> expected{
      {orders[2].order.id.to_string() + "/1", orders[2].client_hash + ' '}};
  EXPECT_EQ(origins_of(number_and_read()), expected);
}

TEST_F(EventsTest, WhereOrdersCameFromIsToldUntilTheirCustomerIsErased) {
  const auto sale = create("drop", PaymentMode::required);
  const auto hash = [](char digit) { return std::string(32, digit); };
  std::vector<NewOrder> orders;
  for (int i = 0; i < 12; ++i) {
    // Three orders of each of four customers.
    auto order = new_order(sale, 0, "c" + std::to_string(i % 4), "k" + std::to_string(i));
    order.order.status = OrderStatus::awaiting_payment;
    order.order.expires_at = order.order.created_at + 600s;
    if (i % 4 < 3) order.client_hash = hash(static_cast<char>('0' + i % 4));
    orders.push_back(order);
  }
  ASSERT_TRUE(writer.write(orders, false));
  auto alone = new_order(sale, 0, "c1", "alone");
  alone.order.status = OrderStatus::awaiting_payment;
  alone.client_hash = hash('9');
  ASSERT_TRUE(writer.write(std::span(&alone, 1), true));
  const auto pay_by_card = [&](std::size_t i, char card) {
    const auto name = "pay-" + std::to_string(i) + card;
    ASSERT_TRUE(apply_payment(session, {name, orders[i].order.id, name, true, {1999, "EUR"}, hash(card)}));
  };
  pay_by_card(0, 'a');
  pay_by_card(0, 'b');  // twice: to be refunded
  pay_by_card(1, 'a');
  // Its order does not come: it waits with its card.
  const auto unknown = new_order(sale, 0, "c1", "lost").order.id;
  ASSERT_TRUE(apply_payment(session, {"lost", unknown, "lost", true, {1000, "EUR"}, hash('c')}));
  const auto cards = [&] { return database.count("SELECT count(*) FROM payment_events WHERE card_hash IS NOT NULL"); };
  EXPECT_EQ(cards(), 1) << "what is settled keeps its card";

  std::map<std::string, std::string> expected;
  const auto name = [&](std::size_t i, int change) {
    return orders[i].order.id.to_string() + '/' + std::to_string(change);
  };
  for (std::size_t i = 0; i < orders.size(); ++i) {
    if (!orders[i].client_hash.empty()) expected[name(i, 1)] = orders[i].client_hash + ' ';
  }
  expected[alone.order.id.to_string() + "/1"] = hash('9') + ' ';
  expected[name(0, 2)] = ' ' + hash('a');
  expected[name(0, 3)] = ' ' + hash('b');
  expected[name(1, 2)] = ' ' + hash('a');
  EXPECT_EQ(origins_of(number_and_read()), expected);
  EXPECT_EQ(database.count("SELECT count(*) FROM outbox WHERE type = 2 AND cardinality(order_ids) = 12"), 1);

  const auto sales = find_sales_of_customer(session, "c1").value();
  ASSERT_EQ(sales.size(), 1u);
  ASSERT_TRUE(erase_orders(session, sales[0], "c1", "erased-1", {}, 100, "test"));
  for (const std::size_t i : {1u, 5u, 9u}) expected.erase(name(i, 1));
  expected.erase(alone.order.id.to_string() + "/1");
  expected.erase(name(1, 2));
  EXPECT_EQ(origins_of(number_and_read()), expected);
  EXPECT_EQ(cards(), 0);
  EXPECT_EQ(database.count("SELECT count(*) FROM outbox WHERE payload::text LIKE '%" + hash('1') +
                           "%' OR payload::text"
                           " LIKE '%" +
                           hash('9') + "%'"),
            0);
  expect_whole(sale);
}

TEST_F(EventsTest, ALatePaymentTellsOfItsCard) {
  const auto sale = create("drop", PaymentMode::required);
  const auto id = buy(sale, "jane", OrderStatus::awaiting_payment);
  expire(sale, id);
  const std::string card(32, 'd');
  const auto late = apply_payment(session, {"late", id, "late", true, {1999, "EUR"}, card});
  ASSERT_TRUE(late);
  ASSERT_EQ(late->outcome, PaymentOutcome::late);
  auto taken = late->row;
  ++taken.generation;
  const auto epoch = database.count("SELECT max(epoch) FROM items");
  EXPECT_EQ(confirm_late_payment(session, taken, epoch).value(), LateOutcome::confirmed);
  EXPECT_EQ(origins_of(number_and_read()), (std::map<std::string, std::string>{{id.to_string() + "/3", ' ' + card}}));
  EXPECT_EQ(database.count("SELECT count(*) FROM payment_events WHERE card_hash IS NOT NULL"), 0);
  expect_whole(sale);
}

TEST_F(EventsTest, ABatchLargerThanARowMayBeIsSeveral) {
  const auto sale = create("drop", PaymentMode::none, 10'000);
  std::vector<NewOrder> orders;
  for (int i = 0; i < 2500; ++i) orders.push_back(new_order(sale, 0, "c" + std::to_string(i), "k"));
  ASSERT_TRUE(writer.write(orders, false));
  EXPECT_EQ(number_and_read().size(), 2501u);
  // Behind a position in the middle of a row, whose row begins far before it.
  EXPECT_EQ(read_events(session, 1020, 5).value().front().position, 1021);
  EXPECT_EQ(read_events(session, 2500, 5).value().front().position, 2501);
  expect_whole(sale);
}

TEST_F(EventsTest, WhereNobodyIsToBeToldNothingIsLeft) {
  leave_events(false);
  const auto sale = create("drop", PaymentMode::required);
  const auto paid = buy(sale, "a", OrderStatus::awaiting_payment);
  pay(paid, "p", 1999);
  pay(paid, "again", 1999);
  ASSERT_TRUE(cancel_order(session, buy(sale, "b"), {}, "why", "admin"));
  EXPECT_EQ(database.count("SELECT count(*) FROM outbox"), 0);
  EXPECT_EQ(database.count("SELECT count(*) FROM refunds"), 1);
}

TEST_F(EventsTest, EachChangeOfAnOrderHasItsEventInOrder) {
  const auto sale = create("drop", PaymentMode::required);
  const auto kept = buy(sale, "kept", OrderStatus::awaiting_payment);
  pay(kept, "p1", 1999);
  pay(kept, "p2", 1999);  // twice
  const auto given_up = buy(sale, "given up", OrderStatus::awaiting_payment);
  ASSERT_TRUE(cancel_order(session, given_up, {}, "the buyer's wish", "support"));
  const auto late = buy(sale, "late", OrderStatus::awaiting_payment);
  expire(sale, late);
  pay(late, "p3", 5);  // not what is due
  const auto declined = buy(sale, "declined", OrderStatus::awaiting_payment);
  for (int i = 0; i < 3; ++i) pay(declined, "no" + std::to_string(i), 1999, false);

  const auto events = number_and_read();
  using ::testing::ElementsAre;
  EXPECT_THAT(told_of(kept, events), ElementsAre("1 flashsale.order.awaiting_payment", "2 flashsale.order.confirmed",
                                                 "3 flashsale.order.refund_required"));
  EXPECT_THAT(told_of(given_up, events),
              ElementsAre("1 flashsale.order.awaiting_payment", "2 flashsale.order.cancelled"));
  EXPECT_THAT(told_of(late, events), ElementsAre("1 flashsale.order.awaiting_payment", "2 flashsale.order.expired",
                                                 "3 flashsale.order.refund_required"));
  EXPECT_THAT(told_of(declined, events),
              ElementsAre("1 flashsale.order.awaiting_payment", "2 flashsale.order.cancelled"));
  for (const auto& event : events) {
    if (event.order_id == given_up && event.change_no == 2) {
      EXPECT_EQ(event.order->reason, "the buyer's wish");
    }
    if (event.order_id == kept && event.change_no == 1) {
      // As it was then, not as it is now.
      EXPECT_EQ(event.order->status, OrderStatus::awaiting_payment);
      EXPECT_TRUE(event.order->expires_at);
      EXPECT_FALSE(event.order->refund_required);
    }
  }
  expect_whole(sale);
}

/// The first to take a number is the last to commit: a reader that went by numbers would miss it.
TEST_F(EventsTest, WhatCommitsLateIsNotMissed) {
  const auto sale = create("drop");
  number_and_read();
  pqxx::connection connection(database.url());
  pqxx::work late(connection);
  late.exec(
      "INSERT INTO outbox (sale_no, at, change_no, events, type, payload) VALUES (0, now(), 1, 1, 22,"
      " '{\"webhook_id\":\"late\"}')");
  const auto soon = buy(sale, "soon");
  auto events = number_and_read(1);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].order_id, soon);
  late.commit();
  events = number_and_read(2);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].type, EventType::ping);
  EXPECT_EQ(events[0].position, 3);
}

/// The server may need a moment until it knows that a session has gone.
bool comes_to_lead(EventNumbering& numbering, const std::string& name) {
  for (const auto end = std::chrono::steady_clock::now() + 30s; std::chrono::steady_clock::now() < end;) {
    if (numbering.lead(name).value()) return true;
    std::this_thread::sleep_for(20ms);
  }
  return false;
}

TEST_F(EventsTest, OneLeadsForAsLongAsItsSessionLives) {
  EventNumbering a(database.options(), "first"), b(database.options(), "second");
  EXPECT_TRUE(a.lead("a").value());
  EXPECT_TRUE(a.lead("a").value());
  EXPECT_FALSE(b.lead("b").value());
  EXPECT_EQ(database.ask("SELECT leader FROM event_line"), "a");
  a.resign();
  EXPECT_TRUE(comes_to_lead(b, "b"));
  EXPECT_FALSE(a.lead("a").value());
  ASSERT_EQ(database.terminate("second"), 1);
  EXPECT_TRUE(comes_to_lead(a, "a"));
  // It learns of it with its next call, whatever that is.
  ASSERT_TRUE(count_unnumbered(b.session(), 1));
  EXPECT_FALSE(b.leads());
}

/// Whoever is frozen asks for nothing, and the server ends its session.
TEST_F(EventsTest, WhoeverAsksForNothingLeadsNoMore) {
  EventNumbering a(database.options(), "first"), b(database.options(), "second");
  EXPECT_TRUE(a.lead("a").value());
  EXPECT_TRUE(comes_to_lead(b, "b"));
}

/// Two that both believe to lead, while orders are made, paid and cancelled.
TEST_F(EventsTest, TwoSequencersAtOnceGiveNoPositionTwiceAndLeaveNoneOut) {
  const auto sale = create("drop", PaymentMode::required, 100'000);
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      EventNumbering own(database.options(), "sequencer");
      while (!done) ASSERT_TRUE(own.number(7, false));
    });
  }
  std::vector<std::thread> buyers;
  for (int i = 0; i < 3; ++i) {
    buyers.emplace_back([&, i] {
      Session own = database.connect("buyer");
      OrderWriter orders(database.options(), "writer");
      for (int n = 0; n < 60; ++n) {
        const std::string name = std::to_string(i) + "-" + std::to_string(n);
        auto order = new_order(sale, 0, name, "k");
        order.order.status = OrderStatus::awaiting_payment;
        order.order.expires_at = order.order.created_at + 600s;
        ASSERT_TRUE(orders.write(std::span(&order, 1), false));
        if (n % 2 == 0) {
          ASSERT_TRUE(apply_payment(own, {name, order.order.id, name, true, {1999, "EUR"}}));
        }
        if (n % 3 == 0) {
          ASSERT_TRUE(cancel_order(own, order.order.id, {}, {}, "test"));
        }
      }
    });
  }
  for (auto& buyer : buyers) buyer.join();
  done = true;
  for (auto& thread : threads) thread.join();
  const auto events = number_and_read();
  std::map<OrderId, std::int32_t> last;
  for (const auto& event : events) {
    if (!event.order_id) continue;
    EXPECT_EQ(event.change_no, ++last[*event.order_id]);
  }
  EXPECT_EQ(last.size(), 180u);
  EXPECT_EQ(events.back().position, static_cast<std::int64_t>(events.size()));
  expect_whole(sale);
}

TEST_F(EventsTest, AnAuditFindsWhatWasPlanted) {
  const auto sale = create("drop", PaymentMode::required);
  const auto a = buy(sale, "a", OrderStatus::awaiting_payment);
  const auto b = buy(sale, "b", OrderStatus::awaiting_payment);
  pay(a, "p", 1999);
  number_and_read();
  expect_whole(sale);
  const auto examples = [&] { return audit_events_of_sale(session, sale.sale_no).value().examples; };
  // A change that nobody was told of.
  database.ask("UPDATE orders SET status = 3 WHERE order_id = '" + b.to_string() + "'");
  ASSERT_EQ(examples().size(), 1u);
  EXPECT_EQ(examples()[0].order_id, b.to_string());
  database.ask("UPDATE orders SET status = 2 WHERE order_id = '" + b.to_string() + "'");
  // A row that is gone: its position, and its order.
  database.ask("DELETE FROM outbox WHERE order_ids[1] = '" + a.to_string() + "' AND change_no = 1");
  const auto gaps = find_event_gaps(session).value();
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].first, 2);
  EXPECT_EQ(gaps[0].last, 2);
  ASSERT_EQ(examples().size(), 1u);
  EXPECT_EQ(examples()[0].order_id, a.to_string());
  EXPECT_EQ(examples()[0].first, 2);
  // Nobody reads past the gap.
  EXPECT_EQ(read_events(session, 0, 10).value().size(), 1u);
  EXPECT_TRUE(read_events(session, 1, 10).value().empty());
}

TEST_F(EventsTest, AnAuditFindsAGapAtEitherEnd) {
  const auto sale = create("drop");
  buy(sale, "a");
  buy(sale, "b");
  number_and_read();
  database.ask("DELETE FROM outbox WHERE position = 3");
  auto gaps = find_event_gaps(session).value();
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].first, 3);
  database.ask("DELETE FROM outbox WHERE position = 1");
  gaps = find_event_gaps(session).value();
  ASSERT_EQ(gaps.size(), 2u);
  EXPECT_EQ(gaps[0].first, 1);
  EXPECT_EQ(gaps[0].last, 1);
}

TEST_F(EventsTest, OfARehearsalNobodyIsToldUnlessAskedFor) {
  const auto rehearsal = create("rehearsal", PaymentMode::none, 1000, true);
  buy(rehearsal, "a");
  EXPECT_TRUE(number_and_read().empty());
  EXPECT_EQ(database.count("SELECT count(*) FROM outbox"), 0);
  buy(rehearsal, "b");
  EXPECT_EQ(numbering.number(kAll, true)->events, 1);
}

TEST_F(EventsTest, EventsGoWhenAllWereToldAndTheirTimeIsOver) {
  const auto sale = create("drop");
  ASSERT_TRUE(register_event_sink(session, "rabbitmq", "rabbitmq"));
  buy(sale, "a");
  buy(sale, "b");
  number_and_read();
  EXPECT_EQ(told_to_all(session).value(), 0);
  ASSERT_TRUE(advance_event_sink(session, "rabbitmq", 0, 2).value());
  EXPECT_FALSE(advance_event_sink(session, "rabbitmq", 0, 3).value());
  EXPECT_EQ(told_to_all(session).value(), 2);
  EXPECT_EQ(retire_events(session, 2, 3600s, 100).value(), 0);
  EXPECT_EQ(retire_events(session, 2, 0s, 100).value(), 2);
  EXPECT_EQ(find_event_line(session)->gone_until, 2);
  EXPECT_EQ(read_events(session, 2, 10).value().size(), 1u);
  EXPECT_TRUE(find_event_gaps(session).value().empty());
  expect_whole(sale);
  ASSERT_FALSE(retire_event_sinks(session, {"rabbitmq"}, {}));
  EXPECT_EQ(told_to_all(session).value(), 3);
}

TEST_F(EventsTest, ASinkSaysWhatIsWrongAndSinceWhen) {
  create("drop");
  number_and_read();
  const auto sink = register_event_sink(session, "kafka", "kafka").value();
  EXPECT_EQ(sink.position, 1);
  ASSERT_FALSE(note_sink_error(session, "kafka", "no route \xff\n"));
  auto listed = list_event_sinks(session).value();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].last_error, "no route ??");
  ASSERT_TRUE(listed[0].failing_since);
  ASSERT_FALSE(note_sink_error(session, "kafka", ""));
  EXPECT_FALSE(list_event_sinks(session).value()[0].failing_since);
  EXPECT_TRUE(move_event_sink(session, "kafka", 0).value());
  EXPECT_FALSE(move_event_sink(session, "nobody", 0).value());
  EXPECT_EQ(list_sink_lags(session).value()[0].events, 1);
  EXPECT_GT(list_sink_lags(session).value()[0].oldest_age_s, 0);
  EXPECT_TRUE(forget_event_sink(session, "kafka").value());
}

TEST_F(EventsTest, ASaleTellsOfItsLife) {
  auto definition = testing::sale_definition("drop", {1});
  definition.state = SaleState::scheduled;
  const auto sale = **create_sale(session, definition, "test");
  ASSERT_EQ(tell_of_sales(session).value(), 1);  // it has begun by the clock
  EXPECT_EQ(tell_of_sales(session).value(), 0);
  buy(sale, "a");
  EXPECT_EQ(tell_of_sales(session).value(), 1);
  SalePatch patch;
  patch.state = SaleState::paused;
  ASSERT_TRUE(patch_sale(session, "drop", patch, "test"));
  patch.state = SaleState::open;
  ASSERT_TRUE(patch_sale(session, "drop", patch, "test"));
  SalePatch name;
  name.name = "Another";
  ASSERT_TRUE(patch_sale(session, "drop", name, "test"));
  ASSERT_TRUE(add_stock(session, sale.sale_no, sale.items[0].item_no, sample::order_id("x", "y"), 5, "test"));
  EXPECT_EQ(tell_of_sales(session).value(), 0);
  patch.state = SaleState::closed;
  ASSERT_TRUE(patch_sale(session, "drop", patch, "test"));
  EXPECT_EQ(tell_of_sales(session).value(), 0);
  std::vector<std::string> told;
  std::int32_t number = 0;
  for (const auto& event : number_and_read()) {
    if (!is_of_a_sale(event.type)) continue;
    told.emplace_back(to_string(event.type));
    EXPECT_EQ(event.change_no, ++number);
  }
  EXPECT_THAT(told, ::testing::ElementsAre("flashsale.sale.created", "flashsale.sale.opened", "flashsale.sale.sold_out",
                                           "flashsale.sale.paused", "flashsale.sale.opened", "flashsale.sale.changed",
                                           "flashsale.sale.restocked", "flashsale.sale.closed"));
}

/// New times can open a sale that was over.
TEST_F(EventsTest, ASaleThatSellsAgainIsToldOfAgain) {
  auto definition = testing::sale_definition("drop", {1});
  definition.state = SaleState::scheduled;
  const auto sale = **create_sale(session, definition, "test");
  ASSERT_EQ(tell_of_sales(session).value(), 1);
  SalePatch times;
  times.ends_at = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()) - 1s;
  times.starts_at = *times.ends_at - 1h;
  ASSERT_TRUE(patch_sale(session, "drop", times, "test"));
  times.ends_at = *times.ends_at + 1h;
  ASSERT_TRUE(patch_sale(session, "drop", times, "test"));
  buy(sale, "a");
  EXPECT_EQ(tell_of_sales(session).value(), 1);
  std::vector<std::string> told;
  for (const auto& event : number_and_read()) {
    if (is_of_a_sale(event.type)) told.emplace_back(to_string(event.type));
  }
  EXPECT_THAT(told, ::testing::ElementsAre("flashsale.sale.created", "flashsale.sale.opened", "flashsale.sale.closed",
                                           "flashsale.sale.opened", "flashsale.sale.sold_out"));
}

/// A page is bounded in bytes, too.
TEST_F(EventsTest, LargeEventsMakeShortPages) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_FALSE(leave_event(session, EventType::ping, R"({"webhook_id":")" + std::string(1'000'000, 'x') + "\"}"));
  }
  EXPECT_EQ(number_and_read().size(), 3u);
  EXPECT_EQ(read_events(session, 3, 100).value().size(), 2u);
}

/// More than a look takes: the looks that follow go by the index.
TEST_F(EventsTest, ABacklogIsNumberedInItsOrder) {
  const auto sale = create("drop", PaymentMode::required);
  std::vector<OrderId> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(buy(sale, "c" + std::to_string(i), OrderStatus::awaiting_payment));
  for (const auto& id : ids) pay(id, id.to_string(), 1999);
  for (int looks = 0; !numbering.number(3, false)->is_all; ++looks) ASSERT_LT(looks, 100);
  const auto events = number_and_read();
  for (const auto& id : ids) {
    EXPECT_THAT(told_of(id, events),
                ::testing::ElementsAre("1 flashsale.order.awaiting_payment", "2 flashsale.order.confirmed"));
  }
  expect_whole(sale);
}

TEST_F(EventsTest, AnErasureReachesWhatWaits) {
  const auto sale = create("drop");
  const auto id = buy(sale, "jane@example.com");
  ASSERT_TRUE(cancel_order(session, id, {}, "Jane asked for it", "support"));
  const auto sales = find_sales_of_customer(session, "jane@example.com").value();
  ASSERT_EQ(sales.size(), 1u);
  ASSERT_TRUE(erase_orders(session, sales[0], "jane@example.com", "erased-1", {}, 100, "test"));
  const auto events = number_and_read();
  ASSERT_EQ(events.back().type, EventType::customer_erased);
  EXPECT_THAT(events.back().payload, ::testing::HasSubstr("jane@example.com"));
  for (const auto& event : events) {
    if (!event.order) continue;
    EXPECT_EQ(event.order->customer_id, "erased-1");
    EXPECT_EQ(event.order->reason, "");
  }
  EXPECT_EQ(database.count("SELECT count(*) FROM outbox WHERE reason IS NOT NULL"), 0);
}

/// A refusal's row is taken by the next try of its key; what was told of the refusal stays.
TEST_F(EventsTest, ARefusalIsToldAsItWas) {
  const auto sale = create("drop", PaymentMode::none, 3);
  buy(sale, "first", OrderStatus::confirmed, 2);
  const auto id = buy(sale, "second", OrderStatus::confirmed, 2);  // one is left
  const auto again = buy(sale, "second", OrderStatus::confirmed, 1);
  ASSERT_EQ(id, again);
  const auto events = number_and_read();
  EXPECT_THAT(told_of(id, events), ::testing::ElementsAre("1 flashsale.order.rejected", "2 flashsale.order.confirmed"));
  for (const auto& event : events) {
    if (event.type == EventType::order_rejected) {
      EXPECT_THAT(event.payload, ::testing::HasSubstr("\"quantity\":2"));
    }
  }
  expect_whole(sale);
}

}  // namespace
}  // namespace flashsale::postgres
