#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "flashsale/model/selling_times.hpp"
#include "integration/redis_fixture.hpp"
#include "order_ids.hpp"

namespace flashsale::redis {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const TimePoint kPast = from_unix_us(1'000'000);
const TimePoint kFuture = from_unix_us(4'102'444'800'000'000);
using Late = RetakeReply::Outcome;

constexpr std::int32_t kSneaker = 7;
constexpr std::int32_t kTicket = 70;
constexpr std::int32_t kUnknown = 700;

/// A sale of 5 sneakers, at most 2 a customer, and of 3 tickets, published under epoch 1: nothing rests.
class RedisScriptsTest : public ::testing::Test {
 protected:
  RedisScriptsTest() {
    sale.id = redis.id;
    sale.state = SaleState::open;
    sale.starts_at = kPast;
    sale.ends_at = kFuture;
    sale.items = {item(kSneaker, 5, 2), item(kTicket, 3, 0)};
    rebuild(1);
  }

  static Item item(std::int32_t item_no, std::int64_t stock, std::int32_t limit) {
    Item result;
    result.item_no = item_no;
    result.stock = stock;
    result.limit_per_customer = limit;
    return result;
  }
  [[nodiscard]] Order order(const std::string& customer, std::int32_t quantity = 1, std::int32_t item_no = kSneaker,
                            const std::string& key = "key") const {
    Order result;
    result.id = sample::order_id(customer, key);
    result.lines = {{item_no, quantity}};
    result.customer_id = customer;
    result.status = OrderStatus::confirmed;
    result.created_at = kPast;
    return result;
  }
  [[nodiscard]] Order cart_of(const std::string& customer, const OrderLines& lines) const {
    auto result = order(customer, 1, kSneaker, "cart");
    result.lines = lines;
    return result;
  }
  [[nodiscard]] Fence fence() const { return {redis.id, sale.epoch, redis.identity}; }

  void rebuild(std::int64_t epoch, const std::vector<Order>& rows = {}) {
    sale.epoch = epoch;
    EXPECT_FALSE(redis.close_fence(epoch).superseded);
    redis.load(epoch, rows);
    EXPECT_EQ(redis.publish(sale, redis.identity, "postgres"), PublishOutcome::published);
  }

  ReservationReply reserve(const std::vector<Order>& orders, const ReservationTerms& terms) {
    std::vector<ReservationRequest> requests;
    for (const auto& order : orders) requests.push_back({order.id, order.lines, order.customer_id});
    return redis.reserve(fence(), terms, requests);
  }
  ReservationReply reserve(const std::vector<Order>& orders) { return reserve(orders, {kFuture, 1000, false}); }
  std::vector<Decision> decisions(const std::vector<Order>& orders) { return reserve(orders).decisions; }
  ReservationReply reserve_again(const std::vector<Order>& orders) { return reserve(orders, {kFuture, 1000, true}); }

  ItemLevel level(std::int32_t item_no = kSneaker) {
    for (const auto& item : redis.pulse(sale.epoch).items) {
      if (item.item_no == item_no) return item;
    }
    ADD_FAILURE() << "no item " << item_no;
    return {};
  }
  std::int64_t units_of(const std::string& customer, std::int32_t item_no = kSneaker) {
    return redis.number(SaleKeys(redis.id, sale.epoch).buyers, units_field(item_no, customer));
  }
  [[nodiscard]] WithdrawalEntry withdrawal(std::int64_t units, const std::string& key = "take out") const {
    return {sample::order_id("merchant", key), kSneaker, units, "merchant"};
  }
  /// Ann's order of two, with its units taken again so often.
  [[nodiscard]] Order generation(std::int32_t number, const std::string& customer = "ann") const {
    auto again = order(customer, 2);
    again.generation = number;
    return again;
  }
  Late take_late(const Order& again) { return redis.retake(fence(), {kFuture, 1000}, again).outcome; }
  /// The sale that was rebuilt rests from now on.
  void let_rest() {
    const auto until = to_unix_us(redis.clock()) + kRestockRest.count();
    redis.run({"HSET", SaleKeys(redis.id, sale.epoch).fence, "w", std::to_string(until)});
  }
  void sell_out() {
    ASSERT_THAT(decisions({order("first", 2), order("second", 2), order("third", 1)}), Each(Decision::accepted));
  }
  /// Of a sale that was rebuilt.
  void end_rest() { redis.run({"HSET", SaleKeys(redis.id, sale.epoch).fence, "w", "0"}); }
  void configure(SaleState state, TimePoint starts_at = kPast, TimePoint ends_at = kFuture) {
    sale.state = state;
    sale.starts_at = starts_at;
    sale.ends_at = ends_at;
    ++sale.version;
    ASSERT_EQ(redis.configure(fence(), sale), ConfigureOutcome::done);
  }

  /// All calls that an instance makes of a sale, each of which must be answered `lost` and change nothing.
  void expect_all_lost(const Fence& stale) {
    const auto before = redis.dump();
    const auto buyer = order("ann");
    const std::vector<ReservationRequest> requests{{buyer.id, buyer.lines, buyer.customer_id}};
    Sale definition = sale;
    definition.version = sale.version + 1;
    EXPECT_EQ(redis.reserve(stale, {kFuture, 1000, false}, requests).outcome, ReservationReply::Outcome::lost);
    EXPECT_EQ(redis.reserve(stale, {kFuture, 1000, true}, requests).outcome, ReservationReply::Outcome::lost);
    EXPECT_EQ(redis.release(stale, buyer, true), ReleaseOutcome::lost);
    EXPECT_EQ(redis.withdraw(stale, kFuture, withdrawal(1)).outcome, WithdrawReply::Outcome::lost);
    EXPECT_EQ(redis.retake(stale, {kFuture, 1000}, generation(0)).outcome, Late::lost);
    EXPECT_EQ(redis.rename(stale, "erased", std::span(&buyer.id, 1)), RenameOutcome::lost);
    EXPECT_EQ(redis.restock(stale, kSneaker, 1, 1), RestockOutcome::lost);
    EXPECT_EQ(redis.find(stale, buyer.id).outcome, testing::RedisSale::Found::Outcome::lost);
    EXPECT_EQ(redis.audit(stale, 1000).outcome, AuditReply::Outcome::lost);
    EXPECT_EQ(redis.configure(stale, definition), ConfigureOutcome::lost);
    EXPECT_EQ(redis.dump(), before);
  }

  testing::RedisSale redis;
  Sale sale;
};

// --- the fence ---

TEST_F(RedisScriptsTest, ACallOfAnotherEpochIsLost) {
  expect_all_lost({redis.id, 0, redis.identity});
  expect_all_lost({redis.id, 2, redis.identity});
  const auto pulse = redis.pulse(2);
  EXPECT_TRUE(pulse.lost);
  EXPECT_EQ(pulse.fence_epoch, 1);
}

TEST_F(RedisScriptsTest, ACallForAnotherServerIsLost) {
  expect_all_lost({redis.id, 1, "another:server"});
  EXPECT_EQ(redis.pulse(1).identity, redis.identity) << "the pulse tells the caller which server this is";
}

TEST_F(RedisScriptsTest, EverythingIsLostWithTheFence) {
  redis.wipe();
  expect_all_lost(fence());
  const auto pulse = redis.pulse(1);
  EXPECT_TRUE(pulse.lost);
  EXPECT_EQ(pulse.fence_epoch, 0);
}

TEST_F(RedisScriptsTest, AClosedFenceLetsNobodyThrough) {
  ASSERT_FALSE(redis.close_fence(2).superseded);
  expect_all_lost(fence());
  EXPECT_TRUE(redis.pulse(1).lost);
}

// --- Redis's clock has stepped back ---

constexpr std::chrono::seconds kStep{40};

TEST_F(RedisScriptsTest, ARestFromBeforeTheClockSteppedBackBeginsAnew) {
  const redis::SaleKeys keys(redis.id, sale.epoch);
  const auto before_step = std::to_string(to_unix_us(redis.clock() + kStep));
  const auto end_of = [&](const std::string& key, const std::string& field) {
    return from_unix_us(redis.number(key, field));
  };
  const auto resting = std::to_string(kSneaker) + ":o";
  redis.run({"HSET", keys.items, resting, before_step});
  const auto state = redis.pulse(sale.epoch).items_state;
  EXPECT_EQ(decisions({order("ann")}), std::vector{Decision::sold_out});
  EXPECT_LE(end_of(keys.items, resting), redis.call_ended_at + kRestockRest);
  EXPECT_GT(end_of(keys.items, resting), redis.call_began_at);
  EXPECT_NE(redis.pulse(sale.epoch).items_state, state) << "an item has changed";

  redis.run({"HSET", keys.fence, "f", before_step});
  EXPECT_EQ(decisions({order("bob", 1, kTicket)}), std::vector{Decision::not_open});
  EXPECT_LE(end_of(keys.fence, "f"), redis.call_ended_at + kOpeningRest);

  redis.run({"HSET", keys.fence, "w", before_step});
  EXPECT_EQ(decisions({order("bob", 1, kTicket)}), std::vector{Decision::resting});
  EXPECT_LE(end_of(keys.fence, "w"), redis.call_ended_at + kRestockRest);
}

TEST_F(RedisScriptsTest, OrdersAreCountedOnFromTheLogWhileTheClockIsBehindIt) {
  const auto ahead = redis.clock() + kStep;
  const auto id = std::to_string(to_unix_us(ahead) / 1000) + "-7";
  redis.run({"XADD", redis::SaleKeys(redis.id, sale.epoch).log, id, "t", "", "-", ""});
  redis.run({"XDEL", redis::SaleKeys(redis.id, sale.epoch).log, id});
  const auto before = redis.audit(fence(), 1000).now;
  EXPECT_GE(before, ahead);
  const auto first = reserve({order("ann"), order("bob")});
  EXPECT_THAT(first.decisions, Each(Decision::accepted));
  const auto between = redis.audit(fence(), 1000);
  const auto second = reserve({order("eve")});
  EXPECT_GT(first.now, before);
  EXPECT_LE(first.now, between.now);
  EXPECT_GT(second.now, between.now);
  ASSERT_EQ(between.pending.size(), 1U);
  EXPECT_EQ(between.pending[0].orders.size(), 2U);
  ASSERT_EQ(redis.pending(1).size(), 2U);
  EXPECT_EQ(redis.pending(1)[0].created_at, first.now);
  EXPECT_EQ(redis.pending(1)[0].id, first.entry_id);
  const auto record = redis.find(fence(), order("bob").id).record;
  EXPECT_EQ(redis::parse_order_record(record)->created_at, first.now);
}

/// Beside those that were accepted, as their batch had them; in no record.
TEST_F(RedisScriptsTest, TheLogAloneHasTheHashesOfClients) {
  const std::string hash_of_ann(kClientHashDigits, 'a'), hash_of_eve(kClientHashDigits, 'e');
  const auto ann = cart_of("ann", {{kSneaker, 1}, {kTicket, 1}}), greedy = order("greedy", 99), bob = order("bob"),
             eve = order("eve");
  const std::vector<ReservationRequest> requests{{ann.id, ann.lines, ann.customer_id, hash_of_ann},
                                                 {greedy.id, greedy.lines, greedy.customer_id, hash_of_ann},
                                                 {bob.id, bob.lines, bob.customer_id},
                                                 {eve.id, eve.lines, eve.customer_id, hash_of_eve}};
  const auto reply = redis.reserve(fence(), {kFuture, 1000}, requests);
  ASSERT_THAT(reply.decisions,
              ElementsAre(Decision::accepted, Decision::limit, Decision::accepted, Decision::accepted));
  const auto pending = redis.pending(1);
  ASSERT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending[0].client_hashes, (redis::ClientHashes{{ann.id, hash_of_ann}, {eve.id, hash_of_eve}}));
  EXPECT_EQ(redis.find(fence(), ann.id).record.size(), redis::make_order_record(ann).size());
}

TEST_F(RedisScriptsTest, ALogGoesOnFromTheNewestOrderThatWasLoaded) {
  const auto newest = redis.clock() + kStep;
  sale.epoch = 2;
  ASSERT_FALSE(redis.close_fence(2).superseded);
  ASSERT_EQ(redis.publish(sale, {0, newest}, redis.identity, "postgres"), PublishOutcome::published);
  EXPECT_EQ(redis.pulse(2).log_entries, 0);
  EXPECT_GE(redis.audit(fence(), 1000).now, newest);
}

TEST_F(RedisScriptsTest, ALeaseFromBeforeTheClockSteppedBackEndsInItsTime) {
  const auto key = redis::lease_key(redis.id, "sweep");
  const auto take = [&](std::string_view holder) {
    return redis.run(redis::lease(redis.id, "sweep", holder, std::chrono::milliseconds(2000))) == LeaseOutcome::held;
  };
  const auto life_ms = [&] { return redis::ReplyView(redis.run({"PTTL", key}).get()).number(); };
  ASSERT_TRUE(take("one"));
  EXPECT_FALSE(take("two"));
  redis.run({"PEXPIRE", key, "42000"});
  EXPECT_FALSE(take("two"));
  EXPECT_LE(life_ms(), 2000);
  EXPECT_TRUE(take("one")) << "it is its own";
}

// --- rebuilding ---

TEST_F(RedisScriptsTest, ClosingTellsWhichEpochWasServed) {
  EXPECT_EQ(redis.close_fence(3).published_epoch, 1);
  EXPECT_FALSE(redis.close_fence(3).superseded) << "the same rebuilder may ask again";
  const auto older = redis.close_fence(2);
  EXPECT_TRUE(older.superseded);
  EXPECT_EQ(older.published_epoch, 1);
  redis.wipe();
  EXPECT_EQ(redis.close_fence(4).published_epoch, 0);
}

TEST_F(RedisScriptsTest, AnEpochIsPublishedOnce) {
  EXPECT_TRUE(redis.close_fence(1).superseded);
  const auto before = redis.dump();
  EXPECT_EQ(redis.publish(sale, redis.identity, "postgres"), PublishOutcome::superseded);
  EXPECT_EQ(redis.dump(), before);
}

TEST_F(RedisScriptsTest, ARebuilderThatWasOvertakenPublishesNothing) {
  Sale paused = sale;
  paused.epoch = 2;
  ASSERT_FALSE(redis.close_fence(2).superseded);
  ASSERT_FALSE(redis.close_fence(3).superseded);
  EXPECT_EQ(redis.publish(paused, redis.identity, "postgres"), PublishOutcome::superseded) << "a newer one is at work";
  sale.epoch = 3;
  ASSERT_EQ(redis.publish(sale, redis.identity, "postgres"), PublishOutcome::published);
  EXPECT_EQ(redis.publish(paused, redis.identity, "postgres"), PublishOutcome::superseded) << "a newer one is done";
  EXPECT_FALSE(redis.pulse(3).lost);
}

TEST_F(RedisScriptsTest, ARebuilderWhoseServerWasWipedPublishesNothing) {
  ASSERT_FALSE(redis.close_fence(2).superseded);
  redis.load(2, std::vector{order("ann")});
  redis.wipe();
  sale.epoch = 2;
  EXPECT_EQ(redis.publish(sale, redis.identity, "postgres"), PublishOutcome::superseded);
  EXPECT_EQ(redis.dump(), "");
}

TEST_F(RedisScriptsTest, OnlyTheRebuilderThatHasClosedTheFenceLoadsAndClears) {
  const std::vector<std::int64_t> old{1};
  EXPECT_EQ(redis.load(2, std::vector{order("ann")}), LoadOutcome::superseded) << "it is not closed";
  ASSERT_FALSE(redis.close_fence(2).superseded);
  ASSERT_FALSE(redis.close_fence(3).superseded);
  const auto before = redis.dump();
  EXPECT_EQ(redis.load(2, std::vector{order("ann")}), LoadOutcome::superseded) << "a newer one is at work";
  EXPECT_EQ(redis.clear(2, old), LoadOutcome::superseded);
  EXPECT_EQ(redis.dump(), before);
  EXPECT_EQ(redis.clear(3, old), LoadOutcome::loaded);
  EXPECT_EQ(redis.number(redis::SaleKeys(redis.id, 1).items, "1:r"), 0);
  EXPECT_EQ(redis.close_fence(3).published_epoch, 1) << "the fence still says what was served last";
}

TEST_F(RedisScriptsTest, WhatIsLoadedExpiresUntilItIsPublished) {
  const redis::SaleKeys keys(redis.id, 2);
  const auto life_ms = [&](const std::string& key) {
    return redis::ReplyView(redis.run({"PTTL", key}).get()).number();
  };
  ASSERT_FALSE(redis.close_fence(2).superseded);
  redis.load(2, std::vector{order("ann")});
  EXPECT_GT(life_ms(keys.orders), 0);
  EXPECT_GT(life_ms(keys.buyers), 0);
  sale.epoch = 2;
  ASSERT_EQ(redis.publish(sale, redis.identity, "postgres"), PublishOutcome::published);
  EXPECT_EQ(life_ms(keys.orders), -1);
  EXPECT_EQ(life_ms(keys.buyers), -1);
}

TEST_F(RedisScriptsTest, WhatHasExpiredIsNotPublished) {
  ASSERT_FALSE(redis.close_fence(2).superseded);
  redis.load(2, std::vector{order("ann"), order("bob")});
  redis.run({"DEL", redis::SaleKeys(redis.id, 2).orders});
  sale.epoch = 2;
  EXPECT_EQ(redis.publish(sale, redis.identity, "postgres"), PublishOutcome::incomplete);
  EXPECT_TRUE(redis.pulse(2).lost);
}

TEST_F(RedisScriptsTest, ARebuildBringsAllRowsAndTheirUnits) {
  auto cancelled = order("bob", 2);
  cancelled.status = OrderStatus::cancelled;
  sale.items[0].sold = 1;
  sale.items[0].stock_version = 4;
  rebuild(2, {order("ann"), cancelled});
  EXPECT_EQ(level().remaining, 4);
  EXPECT_EQ(level().stock_version, 4);
  EXPECT_EQ(units_of("ann"), 1);
  EXPECT_EQ(units_of("bob"), 0);
  const auto reply = reserve({order("ann"), order("bob", 2)});
  EXPECT_THAT(reply.decisions, Each(Decision::replay));
  ASSERT_EQ(reply.records.size(), 2U);
  EXPECT_TRUE(parse_order_record(reply.records[0])->held);
  EXPECT_FALSE(parse_order_record(reply.records[1])->held);
  EXPECT_EQ(parse_order_record(reply.records[1])->created_at, kPast);
  EXPECT_EQ(redis.release(fence(), cancelled, true), ReleaseOutcome::already);
}

TEST_F(RedisScriptsTest, ARebuildRaisesEveryVersionAboveThoseOfOlderEpochs) {
  const auto before = level().version;
  rebuild(2);
  EXPECT_GT(level().version, before + 900'000'000);
}

TEST_F(RedisScriptsTest, AForgottenEpochLeavesTheServedOneAlone) {
  ASSERT_THAT(decisions({order("ann")}), Each(Decision::accepted));
  rebuild(2, {order("ann")});
  redis.forget(1);
  EXPECT_THAT(redis.pending(1), IsEmpty());
  EXPECT_EQ(redis.find(fence(), order("ann").id).outcome, testing::RedisSale::Found::Outcome::found);
  EXPECT_FALSE(redis.pulse(2).lost);
}

TEST_F(RedisScriptsTest, ALargeSaleIsPublishedAndLoaded) {
  sale.items.clear();
  std::vector<Order> rows;
  for (int i = 1; i <= 700; ++i) {
    sale.items.push_back(item(i, 10 * i, i));
    sale.items.back().sold = 2;
    rows.push_back(order("c" + std::to_string(i), 2, i));
  }
  rebuild(2, rows);
  EXPECT_EQ(redis.pulse(2).items.size(), 700U);
  EXPECT_EQ(redis.pulse(2).order_records, 700);
  EXPECT_EQ(level(1).remaining, 8);
  EXPECT_EQ(level(700).remaining, 6998);
  EXPECT_EQ(units_of("c700", 700), 2);
  EXPECT_EQ(redis.scan_orders(2).size(), 700U);
}

// --- reserving ---

TEST_F(RedisScriptsTest, AnAcceptedOrderIsRecordedCountedAndPending) {
  const auto reply = reserve({order("ann", 2), order("b:ob", 3, kTicket)});
  EXPECT_THAT(reply.decisions, Each(Decision::accepted));
  EXPECT_GE(reply.now, redis.call_began_at);
  EXPECT_LE(reply.now, redis.call_ended_at);
  EXPECT_EQ(level().remaining, 3);
  EXPECT_EQ(level(kTicket).remaining, 0);
  EXPECT_EQ(units_of("ann"), 2);
  EXPECT_EQ(units_of("b:ob", kTicket), 3);

  const auto found = redis.find(fence(), order("ann").id);
  ASSERT_EQ(found.outcome, testing::RedisSale::Found::Outcome::found);
  const auto record = parse_order_record(found.record);
  ASSERT_TRUE(record);
  EXPECT_TRUE(record->held);
  EXPECT_EQ(record->created_at, reply.now);

  const auto pending = redis.pending(1);
  ASSERT_EQ(pending.size(), 1U) << "one batch is one entry";
  EXPECT_EQ(pending[0].id, reply.entry_id);
  EXPECT_EQ(pending[0].created_at, reply.now);
  ASSERT_EQ(pending[0].orders.size(), 2U);
  EXPECT_EQ(pending[0].orders[1].id, order("b:ob").id);
  EXPECT_EQ(pending[0].orders[1].customer_id, "b:ob");
  EXPECT_EQ(pending[0].orders[1].lines, (OrderLines{{kTicket, 3}}));
  const auto pulse = redis.pulse(1);
  EXPECT_EQ(pulse.order_records, 2);
  EXPECT_EQ(pulse.log_entries, 1);
  ASSERT_TRUE(pulse.oldest_entry_at);
  // The log has a clock of its own, which Redis reads once a call: at the turn of a millisecond the two differ.
  EXPECT_LE(std::chrono::abs(*pulse.oldest_entry_at - reply.now), std::chrono::milliseconds(2));
}

TEST_F(RedisScriptsTest, ACartIsOneOrderOfAllItsLines) {
  const auto cart = cart_of("ann", {{kSneaker, 2}, {kTicket, 1}});
  const auto reply = reserve({order("bob"), cart, order("carl", 1, kTicket)});
  EXPECT_THAT(reply.decisions, Each(Decision::accepted));
  EXPECT_EQ(level(kSneaker).remaining, 2);
  EXPECT_EQ(level(kTicket).remaining, 1);
  EXPECT_EQ(units_of("ann"), 2);
  EXPECT_EQ(units_of("ann", kTicket), 1);
  EXPECT_EQ(redis.pulse(1).order_records, 3);

  const auto pending = redis.pending(1);
  ASSERT_EQ(pending.size(), 1U);
  ASSERT_EQ(pending[0].orders.size(), 3U);
  EXPECT_EQ(pending[0].orders[1].lines, cart.lines);
  EXPECT_EQ(pending[0].orders[1].customer_id, "ann");
  EXPECT_EQ(pending[0].orders[2].lines, (OrderLines{{kTicket, 1}}));
  const auto again = reserve({cart, order("dora")});
  EXPECT_THAT(again.decisions, ElementsAre(Decision::replay, Decision::accepted));
  EXPECT_EQ(parse_order_record(again.records.at(0))->lines, cart.lines);
}

/// A version that knows no carts has to leave what has some alone: it would take the other lines for orders.
TEST_F(RedisScriptsTest, OnlyEntriesWithCartsHaveTheirKind) {
  reserve({order("ann"), order("bob")});
  reserve({order("carl"), cart_of("dora", {{kSneaker, 1}, {kTicket, 1}})});
  const auto entries = redis.run({"XRANGE", SaleKeys(redis.id, 1).log, "-", "+"});
  const ReplyView view(entries.get());
  ASSERT_EQ(view.size(), 2U);
  EXPECT_EQ(view[0][1][2].text(), "o");
  EXPECT_EQ(view[1][1][2].text(), "c");
}

TEST_F(RedisScriptsTest, ACartTakesAllOrNothing) {
  const auto before = redis.dump();
  EXPECT_THAT(decisions({cart_of("ann", {{kSneaker, 1}, {kTicket, 4}})}), ElementsAre(Decision::sold_out));
  EXPECT_THAT(decisions({cart_of("ann", {{kSneaker, 3}, {kTicket, 1}})}), ElementsAre(Decision::limit));
  EXPECT_THAT(decisions({cart_of("ann", {{kSneaker, 1}, {kUnknown, 1}})}), ElementsAre(Decision::unknown_item));
  EXPECT_EQ(redis.dump(), before);
  // In one batch: what the first takes the second does not find, and what the second is refused the third gets.
  EXPECT_THAT(decisions({cart_of("ann", {{kSneaker, 2}, {kTicket, 2}}), cart_of("bob", {{kSneaker, 1}, {kTicket, 2}}),
                         cart_of("carl", {{kSneaker, 1}, {kTicket, 1}})}),
              ElementsAre(Decision::accepted, Decision::sold_out, Decision::accepted));
  EXPECT_EQ(level(kSneaker).remaining, 2);
  EXPECT_EQ(level(kTicket).remaining, 0);
}

TEST_F(RedisScriptsTest, ACartIsReleasedAndTakenAgainAsAWhole) {
  auto cart = cart_of("ann", {{kSneaker, 2}, {kTicket, 3}});
  reserve({cart});
  EXPECT_EQ(redis.release(fence(), cart, true), ReleaseOutcome::done);
  EXPECT_EQ(redis.release(fence(), cart, true), ReleaseOutcome::already);
  EXPECT_EQ(level(kSneaker).remaining, 5);
  EXPECT_EQ(level(kTicket).remaining, 3);
  EXPECT_EQ(units_of("ann"), 0);

  ASSERT_EQ(take_late(cart), Late::done);
  EXPECT_EQ(take_late(cart), Late::repeated);
  EXPECT_EQ(level(kTicket).remaining, 0);
  EXPECT_EQ(units_of("ann"), 2);
  const auto pending = redis.pending(1);
  EXPECT_TRUE(pending.back().is_retake);
  EXPECT_EQ(pending.back().orders.at(0).lines, cart.lines);
  EXPECT_EQ(pending.back().orders.at(0).generation, 1);
  // The release of the first generation comes late, and is not for the second.
  EXPECT_EQ(redis.release(fence(), cart, true), ReleaseOutcome::already);
  cart.generation = 1;
  EXPECT_EQ(redis.release(fence(), cart, true), ReleaseOutcome::done);
  EXPECT_EQ(level(kTicket).remaining, 3);

  ASSERT_EQ(redis.withdraw(fence(), kFuture, withdrawal(4)).outcome, WithdrawReply::Outcome::done);
  const auto before = redis.dump();
  EXPECT_EQ(take_late(cart), Late::sold_out);
  EXPECT_EQ(redis.dump(), before);
}

TEST_F(RedisScriptsTest, ACartIsLoadedAsItWas) {
  auto cart = cart_of("ann", {{kSneaker, 2}, {kTicket, 1}});
  cart.generation = 2;
  rebuild(2, {cart, order("bob")});
  EXPECT_EQ(units_of("ann"), 2);
  EXPECT_EQ(units_of("ann", kTicket), 1);
  const auto record = redis.find(fence(), cart.id).record;
  EXPECT_EQ(parse_order_record(record)->lines, cart.lines);
  EXPECT_EQ(parse_order_record(record)->generation, 2);
  EXPECT_EQ(redis.release(fence(), cart, true), ReleaseOutcome::done);
  EXPECT_EQ(units_of("ann", kTicket), 0);
}

/// Lua's stack takes about 8000 values: a chunk of such orders has to be smaller.
TEST_F(RedisScriptsTest, ManyLargeCartsAreLoaded) {
  OrderLines lines;
  for (std::int32_t item_no = 1; item_no <= 10; ++item_no) lines.push_back({item_no, 1});
  std::vector<Order> rows;
  for (int i = 0; i < 1100; ++i) rows.push_back(cart_of("c" + std::to_string(i), lines));
  rebuild(2, rows);
  EXPECT_EQ(redis.pulse(2).order_records, 1100);
  EXPECT_EQ(units_of("c1099", 10), 1);
}

TEST_F(RedisScriptsTest, ARepeatedOrderIsAnsweredWithItsRecord) {
  const auto first = reserve({order("ann")});
  const auto before = redis.dump();
  // Replay comes before every refusal: unknown item, sale not open (PROTOCOL R9).
  const auto again = reserve({order("ann", 9, kUnknown)});
  EXPECT_THAT(again.decisions, ElementsAre(Decision::replay));
  EXPECT_EQ(again.entry_id, "");
  EXPECT_EQ(redis.dump(), before);
  ASSERT_EQ(again.records.size(), 1U);
  const auto record = parse_order_record(again.records[0]);
  EXPECT_EQ(record->created_at, first.now);
  EXPECT_EQ(record->lines.front().quantity, 1) << "what was ordered, not what is asked now";
  configure(SaleState::closed);
  EXPECT_THAT(decisions({order("ann"), order("bob")}), ElementsAre(Decision::replay, Decision::not_open));
}

TEST_F(RedisScriptsTest, RefusalsChangeNothing) {
  sell_out();
  const auto before = redis.dump();
  const auto reply = reserve({order("ann"), order("ann", 1, kUnknown, "2"), order("bob", 4, kTicket)});
  EXPECT_THAT(reply.decisions, ElementsAre(Decision::sold_out, Decision::unknown_item, Decision::sold_out));
  EXPECT_EQ(reply.entry_id, "");
  EXPECT_EQ(redis.dump(), before);
}

TEST_F(RedisScriptsTest, TheLimitCountsInsideABatch) {
  EXPECT_THAT(
      decisions({order("ann", 1, kSneaker, "1"), order("bob", 1), order("ann", 1, kSneaker, "2"),
                 order("ann", 1, kSneaker, "3"), order("ann", 3, kTicket, "4")}),
      ElementsAre(Decision::accepted, Decision::accepted, Decision::accepted, Decision::limit, Decision::accepted));
  EXPECT_THAT(decisions({order("ann", 1, kSneaker, "5"), order("bob", 2, kSneaker, "2"), order("cid", 3)}),
              Each(Decision::limit));
  EXPECT_EQ(units_of("ann"), 2);
}

TEST_F(RedisScriptsTest, TheLastUnitGoesToTheFirstThatItSuffices) {
  ASSERT_THAT(decisions({order("first", 2), order("second", 2)}), Each(Decision::accepted));
  EXPECT_THAT(decisions({order("two", 2), order("one", 1), order("late", 1)}),
              ElementsAre(Decision::sold_out, Decision::accepted, Decision::sold_out));
  EXPECT_EQ(level().remaining, 0);
}

TEST_F(RedisScriptsTest, PastTheDeadlineNothingHappens) {
  const auto before = redis.dump();
  EXPECT_EQ(reserve({order("ann")}, {redis.clock(), 1000, false}).outcome, ReservationReply::Outcome::late);
  EXPECT_EQ(redis.withdraw(fence(), redis.clock(), withdrawal(1)).outcome, WithdrawReply::Outcome::late);
  EXPECT_EQ(redis.dump(), before);
}

TEST_F(RedisScriptsTest, AFullLogTakesNoMore) {
  const ReservationTerms terms{kFuture, 2, false};
  EXPECT_THAT(reserve({order("a"), order("b")}, terms).decisions, Each(Decision::accepted));
  EXPECT_THAT(reserve({order("c")}, terms).decisions, Each(Decision::accepted));
  const auto full = reserve({order("a"), order("d")}, terms);
  EXPECT_THAT(full.decisions, ElementsAre(Decision::replay, Decision::log_full));
  EXPECT_EQ(level().remaining, 2);
  const std::vector<std::string> done{redis.pending(1).front().id};
  EXPECT_EQ(redis.trim(1, done), 1);
  EXPECT_EQ(redis.trim(1, done), 0) << "a repeated trim is harmless";
  EXPECT_THAT(reserve({order("d")}, terms).decisions, Each(Decision::accepted));
}

/// The most that a setting allows: every order a customer and an item of its own.
TEST_F(RedisScriptsTest, TheLargestBatchIsOneCall) {
  constexpr int kMost = 1024;
  sale.items.clear();
  std::vector<Order> orders;
  for (int i = 1; i <= kMost; ++i) {
    sale.items.push_back(item(i, 1, 1));
    orders.push_back(order("c" + std::to_string(i), 1, i));
  }
  rebuild(2);
  let_rest();
  EXPECT_THAT(reserve_again(orders).decisions, Each(Decision::accepted));
  EXPECT_EQ(redis.pulse(2).order_records, kMost);
  ASSERT_EQ(redis.pending(2).size(), 1U);
  EXPECT_EQ(redis.pending(2).front().orders.size(), static_cast<std::size_t>(kMost));
  EXPECT_THAT(decisions(orders), Each(Decision::replay));
}

TEST_F(RedisScriptsTest, TextOfEveryKindSurvives) {
  const std::vector<std::string> customers{"7:ann", "\xF0\x9F\x91\x9F", "\"quoted\" \\", "%s%d", std::string(128, 'x')};
  std::vector<Order> orders;
  for (const auto& customer : customers) orders.push_back(order(customer));
  ASSERT_THAT(decisions(orders), Each(Decision::accepted));
  const auto pending = redis.pending(1);
  ASSERT_EQ(pending.size(), 1U);
  for (std::size_t i = 0; i < customers.size(); ++i) {
    EXPECT_EQ(pending[0].orders.at(i).customer_id, customers[i]);
    EXPECT_EQ(units_of(customers[i]), 1);
  }
}

// --- state and times ---

TEST_F(RedisScriptsTest, OnlyAnOpenSaleSells) {
  // What it rests after it was shut has a test of its own.
  const auto wake = [&] { redis.run({"HSET", SaleKeys(redis.id, 1).fence, "f", "0"}); };
  const auto expect = [&](Decision decision) {
    wake();
    EXPECT_THAT(decisions({order("ann", 1, kSneaker, std::to_string(sale.version))}), ElementsAre(decision));
  };
  configure(SaleState::paused);
  expect(Decision::not_open);
  configure(SaleState::closed);
  expect(Decision::not_open);
  configure(SaleState::scheduled, kFuture, kFuture + 1h);
  expect(Decision::not_open);
  configure(SaleState::scheduled);
  expect(Decision::accepted);
  configure(SaleState::open, kFuture, kFuture + 1h);
  expect(Decision::accepted);
  configure(SaleState::open, kPast, kPast + 1h);
  expect(Decision::not_open);
}

TEST_F(RedisScriptsTest, AScheduledSaleOpensAndClosesByRedissClock) {
  const auto starts_at = redis.clock() + 60ms;
  configure(SaleState::scheduled, starts_at, starts_at + 40ms);
  redis.run({"HSET", SaleKeys(redis.id, 1).fence, "f", "0"});
  // However slow the machine is: each answer is held against the moment that it names.
  int shut = 0;
  int tries = 0;
  do {
    const auto reply = reserve({order("c" + std::to_string(tries++), 9)});
    const bool open = reply.now >= starts_at && reply.now < starts_at + 40ms;
    EXPECT_THAT(reply.decisions, ElementsAre(open ? Decision::limit : Decision::not_open));
    if (!open) ++shut;
    std::this_thread::sleep_for(2ms);
  } while (redis.clock() < starts_at + 60ms);
  EXPECT_GT(shut, 0);
}

TEST_F(RedisScriptsTest, AnOlderDefinitionIsNotTaken) {
  configure(SaleState::paused);
  const auto before = redis.dump();
  sale.state = SaleState::open;
  EXPECT_EQ(redis.configure(fence(), sale), ConfigureOutcome::old);
  --sale.version;
  EXPECT_EQ(redis.configure(fence(), sale), ConfigureOutcome::old);
  EXPECT_EQ(redis.dump(), before);
  sale.version += 5;
  EXPECT_EQ(redis.configure(fence(), sale), ConfigureOutcome::done);
  EXPECT_EQ(redis.pulse(1).version, sale.version);
}

/// Tries until the decision changes; each `refused` must have been before the earliest end of the rest, and the first
/// acceptance not before it. However slow the machine is, the moments are those that Redis names.
template <class Try>
void expect_rest(testing::RedisSale& redis, std::chrono::microseconds rest, Decision refused, Try try_once) {
  const auto earliest = redis.call_began_at + rest;
  const auto latest = redis.call_ended_at + rest;
  for (;;) {
    const ReservationReply reply = try_once();
    ASSERT_EQ(reply.decisions.size(), 1U);
    if (reply.decisions[0] == Decision::accepted) {
      EXPECT_GE(reply.now, earliest);
      return;
    }
    ASSERT_EQ(reply.decisions[0], refused);
    ASSERT_LT(reply.now, latest);
    std::this_thread::sleep_for(5ms);
  }
}

TEST_F(RedisScriptsTest, ASaleThatWasShutRestsBeforeItSells) {
  configure(SaleState::paused);
  configure(SaleState::open);
  expect_rest(redis, kOpeningRest, Decision::not_open, [&] { return reserve({order("ann")}); });
}

TEST_F(RedisScriptsTest, ASaleThatIsOpenDoesNotRest) {
  configure(SaleState::scheduled);
  EXPECT_THAT(decisions({order("ann")}), ElementsAre(Decision::accepted));
  configure(SaleState::open);
  EXPECT_THAT(decisions({order("bob")}), ElementsAre(Decision::accepted));
}

TEST_F(RedisScriptsTest, ChangingASaleThatRestsDoesNotEndItsRest) {
  configure(SaleState::paused);
  configure(SaleState::open);
  const auto until = redis.call_began_at + kOpeningRest;
  configure(SaleState::open);
  const auto reply = reserve({order("ann")});
  if (reply.now < until) {
    EXPECT_THAT(reply.decisions, ElementsAre(Decision::not_open));
  }
}

// --- releasing ---

TEST_F(RedisScriptsTest, AReleaseGivesTheUnitsBackOnce) {
  ASSERT_THAT(decisions({order("ann", 2)}), Each(Decision::accepted));
  const auto version = level().version;
  EXPECT_EQ(redis.release(fence(), order("ann", 2), true), ReleaseOutcome::done);
  EXPECT_EQ(level().remaining, 5);
  EXPECT_EQ(level().version, version + 1);
  EXPECT_EQ(units_of("ann"), 0);
  const auto before = redis.dump();
  EXPECT_EQ(redis.release(fence(), order("ann", 2), true), ReleaseOutcome::already);
  EXPECT_EQ(redis.release(fence(), order("bob"), true), ReleaseOutcome::absent);
  EXPECT_EQ(redis.dump(), before);
  EXPECT_THAT(decisions({order("ann", 2), order("ann", 2, kSneaker, "new")}),
              ElementsAre(Decision::replay, Decision::accepted));
}

TEST_F(RedisScriptsTest, ARefusalByPostgresGivesNothingBack) {
  ASSERT_THAT(decisions({order("ann", 1, kSneaker, "1"), order("ann", 1, kSneaker, "2")}), Each(Decision::accepted));
  const auto before = level();
  EXPECT_EQ(redis.release(fence(), order("ann", 1, kSneaker, "1"), false), ReleaseOutcome::done);
  EXPECT_EQ(level().remaining, before.remaining);
  EXPECT_EQ(level().version, before.version);
  EXPECT_EQ(units_of("ann"), 1) << "the buyer does not own what was refused";
  EXPECT_EQ(redis.release(fence(), order("ann", 1, kSneaker, "1"), true), ReleaseOutcome::already);
}

TEST_F(RedisScriptsTest, UnitsGivenBackToAnEmptyItemRest) {
  sell_out();
  ASSERT_EQ(redis.release(fence(), order("first", 2), true), ReleaseOutcome::done);
  expect_rest(redis, kRestockRest, Decision::sold_out, [&] { return reserve({order("ann")}); });
}

TEST_F(RedisScriptsTest, UnitsGivenBackToAnItemThatSellsDoNotRest) {
  ASSERT_THAT(decisions({order("first", 2), order("second", 2)}), Each(Decision::accepted));
  ASSERT_EQ(redis.release(fence(), order("first", 2), true), ReleaseOutcome::done);
  EXPECT_THAT(decisions({order("ann", 2)}), ElementsAre(Decision::accepted));
}

// --- late payments ---

TEST_F(RedisScriptsTest, ALatePaymentTakesUnitsAgainOnceAndIsPending) {
  ASSERT_THAT(decisions({order("ann", 2)}), Each(Decision::accepted));
  EXPECT_EQ(take_late(generation(0)), Late::held) << "the first time is not over";
  ASSERT_EQ(redis.release(fence(), order("ann", 2), true), ReleaseOutcome::done);
  const auto before = level();
  const auto state = redis.pulse(sale.epoch).items_state;
  const auto taken = redis.retake(fence(), {kFuture, 1000}, generation(0));
  ASSERT_EQ(taken.outcome, Late::done);
  EXPECT_EQ(taken.generation, 1);
  EXPECT_EQ(level().remaining, before.remaining - 2);
  EXPECT_GT(level().version, before.version) << "the audit must see that the item has moved";
  EXPECT_NE(redis.pulse(sale.epoch).items_state, state) << "a pulse must not leave it out";
  EXPECT_EQ(units_of("ann"), 2);
  const auto pending = redis.pending(sale.epoch);
  ASSERT_EQ(pending.size(), 2U);
  EXPECT_FALSE(pending[0].is_retake);
  EXPECT_TRUE(pending[1].is_retake);
  EXPECT_EQ(pending[1].id, taken.entry_id);
  ASSERT_EQ(pending[1].orders.size(), 1U);
  EXPECT_EQ(pending[1].orders[0].id, order("ann", 2).id);
  EXPECT_EQ(pending[1].orders[0].lines.front().quantity, 2);
  EXPECT_EQ(pending[1].orders[0].customer_id, "ann");
  EXPECT_EQ(pending[1].orders[0].generation, 1);

  const auto after = redis.dump();
  const auto again = redis.retake(fence(), {kFuture, 1000}, generation(0));
  EXPECT_EQ(again.outcome, Late::repeated);
  EXPECT_EQ(again.generation, 1);
  EXPECT_EQ(redis.dump(), after);
  EXPECT_THAT(decisions({order("ann", 2)}), ElementsAre(Decision::replay));
}

TEST_F(RedisScriptsTest, AReleaseNamesTheGenerationThatItReleases) {
  ASSERT_THAT(decisions({order("ann", 2)}), Each(Decision::accepted));
  ASSERT_EQ(redis.release(fence(), order("ann", 2), true), ReleaseOutcome::done);
  ASSERT_EQ(take_late(generation(0)), Late::done);
  const auto before = redis.dump();
  EXPECT_EQ(redis.release(fence(), order("ann", 2), true), ReleaseOutcome::already) << "told a second time";
  EXPECT_EQ(redis.dump(), before);
  EXPECT_EQ(redis.release(fence(), generation(1), true), ReleaseOutcome::done);
  EXPECT_EQ(level().remaining, 5);
  EXPECT_EQ(units_of("ann"), 0);
  const auto taken = redis.retake(fence(), {kFuture, 1000}, generation(0));
  EXPECT_EQ(taken.outcome, Late::done) << "the row has not come to the one that was given back";
  EXPECT_EQ(taken.generation, 2);
}

TEST_F(RedisScriptsTest, WhatAnOlderVersionHasLoadedIsReleased) {
  auto loaded = order("ann", 2);
  rebuild(2, {loaded});
  EXPECT_EQ(redis.release(fence(), generation(1), true), ReleaseOutcome::done);
}

TEST_F(RedisScriptsTest, ALatePaymentTakesNoMoreThanThereIs) {
  ASSERT_THAT(decisions({order("ann", 2)}), Each(Decision::accepted));
  ASSERT_EQ(redis.release(fence(), order("ann", 2), true), ReleaseOutcome::done);
  ASSERT_THAT(decisions({order("bob", 2), order("cem", 2)}), Each(Decision::accepted));
  const auto before = redis.dump();
  EXPECT_EQ(take_late(generation(0)), Late::sold_out);
  EXPECT_EQ(redis.dump(), before);
}

TEST_F(RedisScriptsTest, ALatePaymentKeepsToTheLimit) {
  ASSERT_THAT(decisions({order("ann", 2)}), Each(Decision::accepted));
  ASSERT_EQ(redis.release(fence(), order("ann", 2), true), ReleaseOutcome::done);
  ASSERT_THAT(decisions({order("ann", 1, kSneaker, "another")}), Each(Decision::accepted));
  const auto before = redis.dump();
  EXPECT_EQ(take_late(generation(0)), Late::limit);
  EXPECT_EQ(redis.dump(), before);
}

TEST_F(RedisScriptsTest, ALatePaymentAsksNeitherWhetherTheSaleIsOpenNorWaitsForItsItem) {
  sell_out();
  ASSERT_EQ(redis.release(fence(), order("first", 2), true), ReleaseOutcome::done);
  configure(SaleState::closed);
  EXPECT_EQ(take_late(generation(0, "first")), Late::done);
}

TEST_F(RedisScriptsTest, ALatePaymentHasItsBounds) {
  ASSERT_THAT(decisions({order("ann", 2)}), Each(Decision::accepted));
  ASSERT_EQ(redis.release(fence(), order("ann", 2), true), ReleaseOutcome::done);
  const auto before = redis.dump();
  EXPECT_EQ(redis.retake(fence(), {kPast, 1000}, generation(0)).outcome, Late::late);
  EXPECT_EQ(redis.retake(fence(), {kFuture, 1}, generation(0)).outcome, Late::full);
  EXPECT_EQ(redis.dump(), before);
}

TEST_F(RedisScriptsTest, ARebuildBringsGenerationsBack) {
  auto live = generation(3);
  live.status = OrderStatus::confirmed;
  auto over = generation(1, "bob");
  over.status = OrderStatus::cancelled;
  rebuild(2, {live, over});
  EXPECT_EQ(redis.release(fence(), generation(2), true), ReleaseOutcome::already);
  EXPECT_EQ(take_late(generation(2)), Late::repeated);
  EXPECT_EQ(redis.retake(fence(), {kFuture, 1000}, generation(1, "bob")).generation, 2);
  EXPECT_EQ(redis.release(fence(), generation(3), true), ReleaseOutcome::done);
}

// --- stock changes ---

TEST_F(RedisScriptsTest, StockChangesAreAppliedInTheirOrderAndOnce) {
  EXPECT_EQ(redis.restock(fence(), kSneaker, 2, 10), RestockOutcome::gap);
  EXPECT_EQ(level().remaining, 5);
  const auto version = level().version;
  EXPECT_EQ(redis.restock(fence(), kSneaker, 1, 3), RestockOutcome::done);
  EXPECT_EQ(redis.restock(fence(), kSneaker, 1, 3), RestockOutcome::old);
  EXPECT_EQ(level().remaining, 8);
  EXPECT_EQ(level().version, version + 1);
  EXPECT_EQ(redis.restock(fence(), kSneaker, 2, -4), RestockOutcome::done);
  EXPECT_EQ(level().remaining, 8) << "the units of a withdrawal were taken before";
  EXPECT_EQ(level().stock_version, 2);
  EXPECT_EQ(redis.restock(fence(), kSneaker, 4, 1), RestockOutcome::gap);
  EXPECT_EQ(redis.restock(fence(), kUnknown, 1, 1), RestockOutcome::lost);
  EXPECT_EQ(level(kTicket).stock_version, 0);
}

TEST_F(RedisScriptsTest, UnitsAddedToAnEmptyItemRest) {
  sell_out();
  ASSERT_EQ(redis.restock(fence(), kSneaker, 1, 1), RestockOutcome::done);
  expect_rest(redis, kRestockRest, Decision::sold_out, [&] { return reserve({order("ann")}); });
}

TEST_F(RedisScriptsTest, UnitsAddedToAnItemThatSellsDoNotRest) {
  ASSERT_EQ(redis.restock(fence(), kSneaker, 1, 1), RestockOutcome::done);
  EXPECT_THAT(decisions({order("ann", 2)}), ElementsAre(Decision::accepted));
}

TEST_F(RedisScriptsTest, AWithdrawalTakesUnitsOnceAndIsPending) {
  const auto version = level().version;
  const auto reply = redis.withdraw(fence(), kFuture, withdrawal(3));
  EXPECT_EQ(reply.outcome, WithdrawReply::Outcome::done);
  EXPECT_EQ(level().remaining, 2);
  EXPECT_EQ(level().version, version + 1);
  const auto pending = redis.pending(1);
  ASSERT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending[0].id, reply.entry_id);
  ASSERT_TRUE(pending[0].withdrawal);
  EXPECT_EQ(pending[0].withdrawal->change_id, withdrawal(3).change_id);
  EXPECT_EQ(pending[0].withdrawal->item_no, kSneaker);
  EXPECT_EQ(pending[0].withdrawal->units, 3);
  EXPECT_EQ(pending[0].withdrawal->who, "merchant");
  EXPECT_THAT(pending[0].orders, IsEmpty());

  const auto before = redis.dump();
  EXPECT_EQ(redis.withdraw(fence(), kFuture, withdrawal(3)).outcome, WithdrawReply::Outcome::repeated);
  EXPECT_EQ(redis.withdraw(fence(), kFuture, withdrawal(2)).outcome, WithdrawReply::Outcome::reused);
  const auto refused = redis.withdraw(fence(), kFuture, withdrawal(3, "more"));
  EXPECT_EQ(refused.outcome, WithdrawReply::Outcome::not_enough);
  EXPECT_EQ(refused.remaining, 2);
  EXPECT_EQ(redis.dump(), before);
  EXPECT_THAT(decisions({order("a", 2), order("b")}), ElementsAre(Decision::accepted, Decision::sold_out));
}

TEST_F(RedisScriptsTest, AWithdrawalIsNoOrder) {
  ASSERT_EQ(redis.withdraw(fence(), kFuture, withdrawal(1)).outcome, WithdrawReply::Outcome::done);
  auto as_order = order("merchant", 1, kSneaker, "take out");
  ASSERT_EQ(as_order.id, withdrawal(1).change_id);
  EXPECT_EQ(redis.release(fence(), as_order, true), ReleaseOutcome::already);
  EXPECT_EQ(level().remaining, 4);
}

// --- taking again ---

/// Redis accepted the order, was wiped before the commit, and was rebuilt: the sale rests now, and the order that was
/// promised by a 202 must not end as sold out while there are units.
TEST_F(RedisScriptsTest, AnOrderIsReservedAgainWhileTheRebuiltSaleRests) {
  ASSERT_THAT(decisions({order("ann")}), ElementsAre(Decision::accepted));
  redis.wipe();
  rebuild(2);
  let_rest();
  EXPECT_THAT(reserve_again({order("ann")}).decisions, ElementsAre(Decision::accepted));
  EXPECT_THAT(reserve_again({order("ann"), order("ann", 2, kSneaker, "2"), order("bob", 4, kTicket)}).decisions,
              ElementsAre(Decision::replay, Decision::limit, Decision::sold_out));
}

/// Whoever came in time is not asked what the clock says now; but nothing comes to life in a sale that was closed.
TEST_F(RedisScriptsTest, AnOrderIsReservedAgainInASaleThatHasEndedAndNotInAClosedOne) {
  rebuild(2);
  let_rest();
  configure(SaleState::open, kPast, kPast + 1h);
  EXPECT_THAT(reserve_again({order("ann")}).decisions, ElementsAre(Decision::accepted));
  configure(SaleState::closed, kPast, kFuture);
  EXPECT_THAT(reserve_again({order("ann"), order("bob")}).decisions, ElementsAre(Decision::replay, Decision::too_late));
}

/// Once the sale sells again, the order's key can have been refused: it stays refused, whatever came back since.
TEST_F(RedisScriptsTest, AnOrderIsNotReservedAgainOnceTheRebuiltSaleSells) {
  EXPECT_THAT(reserve_again({order("ann")}).decisions, ElementsAre(Decision::too_late));
  rebuild(2);
  expect_rest(redis, kRestockRest, Decision::resting, [&] { return reserve({order("bob")}); });
  const auto before = redis.dump();
  EXPECT_THAT(reserve_again({order("ann")}).decisions, ElementsAre(Decision::too_late));
  EXPECT_EQ(redis.dump(), before);
  EXPECT_THAT(reserve_again({order("bob")}).decisions, ElementsAre(Decision::replay))
      << "what its key has made since counts";
}

TEST_F(RedisScriptsTest, AnOrderOfAnEpochBeforeTheLastIsNotReservedAgain) {
  rebuild(2);
  let_rest();
  ReservationTerms terms{kFuture, 1000, true};
  terms.too_late = true;
  EXPECT_THAT(reserve({order("ann")}, terms).decisions, ElementsAre(Decision::too_late));
}

/// A sold-out mark that was made since Redis lost the order does not have its id.
TEST_F(RedisScriptsTest, AnOrderIsNotReservedAgainWhileItsItemRests) {
  const auto held = order("first", 2);
  sale.items[0].sold = 5;
  rebuild(2, {held});
  let_rest();
  ASSERT_EQ(redis.release(fence(), held, true), ReleaseOutcome::done);
  const auto sells_from = redis.call_began_at + kRestockRest;
  const auto reply = reserve_again({order("ann")});
  EXPECT_THAT(reply.decisions, ElementsAre(reply.now < sells_from ? Decision::sold_out : Decision::accepted));
}

// --- refused by PostgreSQL ---

TEST_F(RedisScriptsTest, TheKeyOfARefusedOrderIsFree) {
  ASSERT_THAT(decisions({order("ann")}), ElementsAre(Decision::accepted));
  auto refused = order("ann");
  refused.status = OrderStatus::rejected;
  ASSERT_EQ(redis.release(fence(), refused, false), ReleaseOutcome::done);
  EXPECT_EQ(redis.release(fence(), refused, false), ReleaseOutcome::already);
  const auto before = redis.pulse(1);
  EXPECT_THAT(reserve_again({order("ann")}).decisions, ElementsAre(Decision::replay)) << "who was refused finds that";
  EXPECT_THAT(decisions({order("ann", 2)}), ElementsAre(Decision::accepted)) << "another try, of other lines";
  EXPECT_THAT(decisions({order("ann", 2)}), ElementsAre(Decision::replay));
  EXPECT_EQ(units_of("ann"), 2);
  EXPECT_FALSE(redis.pulse(1, before.items_state).items_unchanged) << "the number of records is as before";
}

TEST_F(RedisScriptsTest, ARefusalIsLoadedAsOne) {
  auto refused = order("ann");
  refused.status = OrderStatus::rejected;
  rebuild(2, {refused});
  expect_rest(redis, kRestockRest, Decision::resting, [&] { return reserve({order("ann")}); });
}

TEST_F(RedisScriptsTest, ReplaysOnlyAnswersWhatIsThereAndTakesNothing) {
  redis::ReservationTerms terms{kFuture, 1000};
  terms.replay_only = true;
  ASSERT_THAT(decisions({order("ann")}), ElementsAre(Decision::accepted));
  auto refused = order("bob");
  ASSERT_THAT(decisions({refused}), ElementsAre(Decision::accepted));
  refused.status = OrderStatus::rejected;
  ASSERT_EQ(redis.release(fence(), refused, false), ReleaseOutcome::done);
  const auto before = redis.dump();
  const auto reply = reserve({order("ann"), order("bob"), order("eve"), order("eve", 1, kUnknown, "2")}, terms);
  EXPECT_THAT(reply.decisions,
              ElementsAre(Decision::replay, Decision::no_order, Decision::no_order, Decision::no_order));
  EXPECT_EQ(reply.records.size(), 1U);
  EXPECT_EQ(reply.entry_id, "");
  EXPECT_EQ(redis.dump(), before);
  configure(SaleState::closed);
  EXPECT_THAT(reserve({order("ann"), order("eve")}, terms).decisions,
              ElementsAre(Decision::replay, Decision::no_order));
}

TEST_F(RedisScriptsTest, ReplaysOnlyCannotTellWhileARebuiltSaleRests) {
  rebuild(2, {order("held")});
  redis::ReservationTerms terms{kFuture, 1000};
  terms.replay_only = true;
  const auto reply = reserve({order("ann"), order("held")}, terms);
  if (reply.now < redis.pulse(2).resting_until) {
    EXPECT_THAT(reply.decisions, ElementsAre(Decision::resting, Decision::replay));
  }
}

TEST_F(RedisScriptsTest, ARebuiltSaleRests) {
  rebuild(2, {order("held")});
  const auto earliest = redis.call_began_at + kRestockRest;
  const auto latest = redis.call_ended_at + kRestockRest;
  expect_rest(redis, kRestockRest, Decision::resting, [&] { return reserve({order("ann")}); });
  const auto pulse = redis.pulse(2);
  EXPECT_GE(pulse.resting_until, earliest);
  EXPECT_LE(pulse.resting_until, latest);
}

TEST_F(RedisScriptsTest, ARebuiltSaleRefusesNothingForGoodWhileItRests) {
  configure(SaleState::closed);
  rebuild(2, {order("held")});
  const auto reply = reserve({order("ann", 9), order("ann", 1, kUnknown, "2"), order("held")});
  if (reply.now < redis.pulse(2).resting_until) {
    EXPECT_THAT(reply.decisions, ElementsAre(Decision::resting, Decision::resting, Decision::replay));
  }
}

TEST_F(RedisScriptsTest, ThePulseTellsWhichPostgresWasRead) {
  EXPECT_EQ(redis.pulse(1).postgres_identity, "postgres");
  EXPECT_EQ(redis.pulse(1).resting_until, TimePoint{}) << "a sale that is published first has nothing to wait for";
}

// --- questions ---

TEST_F(RedisScriptsTest, TheAuditSeesOneMoment) {
  ASSERT_THAT(decisions({order("ann", 2)}), Each(Decision::accepted));
  ASSERT_EQ(redis.withdraw(fence(), kFuture, withdrawal(1)).outcome, WithdrawReply::Outcome::done);
  const auto audit = redis.audit(fence(), 2);
  ASSERT_EQ(audit.outcome, AuditReply::Outcome::ok);
  EXPECT_GE(audit.now, redis.call_began_at);
  EXPECT_LE(audit.now, redis.call_ended_at);
  ASSERT_EQ(audit.items.size(), 2U);
  EXPECT_EQ(audit.items[0].item_no, kSneaker);
  EXPECT_EQ(audit.items[0].remaining, 2);
  ASSERT_EQ(audit.pending.size(), 2U);
  EXPECT_EQ(audit.pending[0].orders.size(), 1U);
  EXPECT_TRUE(audit.pending[1].withdrawal);
  EXPECT_EQ(redis.audit(fence(), 1).outcome, AuditReply::Outcome::too_long);
}

TEST_F(RedisScriptsTest, ALeaseHasOneHolderUntilItEndsOrIsGivenBack) {
  const auto take = [&](const std::string& holder, std::chrono::milliseconds duration) {
    return redis.run(lease(redis.id, "sweep", holder, duration)) == LeaseOutcome::held;
  };
  EXPECT_TRUE(take("one", 1h));
  EXPECT_FALSE(take("two", 1h));
  EXPECT_FALSE(take("two", 0ms));
  EXPECT_FALSE(take("two", 1h)) << "nobody gives back what another holds";
  EXPECT_TRUE(take("one", 1h)) << "its holder keeps it";
  EXPECT_FALSE(take("one", 0ms)) << "given back";
  EXPECT_TRUE(take("two", 5ms));
  std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(take("one", 1h)) << "it ends by itself";
}

TEST_F(RedisScriptsTest, TheDirectoryVersionNeverGoesBack) {
  const auto raise = [&](std::int64_t version) { (void)redis.run(raise_directory(version)); };
  const auto read = [&] { return redis.run(read_directory()); };
  const auto before = read();
  const auto version = before.value_or(0);
  raise(version + 2);
  EXPECT_EQ(read(), version + 2);
  raise(version + 1);
  EXPECT_EQ(read(), version + 2);
  // The key is the server's, not the sale's: others who use it find what was there.
  if (before) redis.run({"SET", kDirectoryKey, std::to_string(*before)});
  else redis.run({"DEL", kDirectoryKey});
}

TEST_F(RedisScriptsTest, AnEmptyLogHasNoOldestEntry) {
  const auto pulse = redis.pulse(1);
  EXPECT_FALSE(pulse.lost);
  EXPECT_FALSE(pulse.oldest_entry_at);
  EXPECT_EQ(pulse.log_entries, 0);
  EXPECT_EQ(pulse.order_records, 0);
  EXPECT_EQ(redis.find(fence(), order("ann").id).outcome, testing::RedisSale::Found::Outcome::absent);
}

TEST_F(RedisScriptsTest, APulseLeavesOutItemsThatStandStill) {
  std::string known = redis.pulse(1).items_state;
  const auto told_anew = [&](std::string_view what) {
    const auto pulse = redis.pulse(1, known);
    EXPECT_FALSE(pulse.items_unchanged) << what;
    EXPECT_EQ(pulse.items.size(), 2U) << what;
    known = pulse.items_state;
    EXPECT_TRUE(redis.pulse(1, known).items_unchanged) << "after: " << what;
    EXPECT_TRUE(redis.pulse(1, known).items.empty()) << "after: " << what;
  };
  ASSERT_EQ(decisions({order("ann")}), (std::vector{Decision::accepted}));
  told_anew("an order");
  ASSERT_EQ(redis.release(fence(), order("ann"), true), ReleaseOutcome::done);
  told_anew("a release");
  ASSERT_EQ(redis.restock(fence(), kSneaker, 1, 3), RestockOutcome::done);
  told_anew("a restock");
  ASSERT_EQ(redis.restock(fence(), kSneaker, 2, 0), RestockOutcome::done);
  told_anew("a stock change without units");
  ASSERT_EQ(redis.withdraw(fence(), kFuture, withdrawal(1)).outcome, WithdrawReply::Outcome::done);
  told_anew("a withdrawal");
  redis.run({"HDEL", SaleKeys(redis.id, 1).items, std::to_string(kTicket) + ":r"});
  EXPECT_FALSE(redis.pulse(1, known).items_unchanged) << "a field that is lost";
}

TEST_F(RedisScriptsTest, AllOrderIdsAreScannedPageByPage) {
  std::vector<Order> rows;
  std::vector<std::uint64_t> expected;
  for (int i = 0; i < 3000; ++i) {
    rows.push_back(order("c" + std::to_string(i)));
    expected.push_back(rows.back().id.hash64());
  }
  rebuild(2, rows);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(redis.scan_orders(2), expected);
}

TEST_F(RedisScriptsTest, OneCustomersOrdersAreCountedWhateverBecomesOfThem) {
  sale.max_orders_per_customer = 2;
  rebuild(2);
  end_rest();
  EXPECT_THAT(decisions({order("ann", 1, kSneaker, "1"), order("ann", 1, kTicket, "2"), order("ann", 1, kTicket, "3")}),
              ElementsAre(Decision::accepted, Decision::accepted, Decision::order_limit));
  EXPECT_EQ(redis.release(fence(), order("ann", 1, kSneaker, "1"), true), ReleaseOutcome::done);
  EXPECT_THAT(decisions({order("ann", 1, kSneaker, "4"), order("bob"), order("ann", 1, kSneaker, "1")}),
              ElementsAre(Decision::order_limit, Decision::accepted, Decision::replay));
  // An order that was accepted under an older epoch has been promised.
  let_rest();
  EXPECT_THAT(reserve_again({order("ann", 1, kSneaker, "5")}).decisions, ElementsAre(Decision::accepted));

  auto ended = order("ann", 1, kSneaker, "1");
  ended.status = OrderStatus::cancelled;
  rebuild(3, {ended, order("ann", 1, kTicket, "2"), order("bob")});
  end_rest();
  EXPECT_THAT(decisions({order("ann", 1, kSneaker, "6"), order("bob", 1, kTicket, "7"), order("bob", 1, kTicket, "8")}),
              ElementsAre(Decision::order_limit, Decision::accepted, Decision::order_limit));
}

TEST_F(RedisScriptsTest, AFenceOfAnOlderVersionCountsNoOrders) {
  redis.run({"HDEL", SaleKeys(redis.id, sale.epoch).fence, "c"});
  EXPECT_THAT(decisions({order("ann")}), ElementsAre(Decision::accepted));
}

TEST_F(RedisScriptsTest, UnpaidOrdersMakeTheNextOnesWait) {
  const auto unpaid = [&](const std::string& key) {
    auto ended = order("ann", 1, kSneaker, key);
    ended.status = OrderStatus::expired;
    ended.expires_at = redis.clock();
    return ended;
  };
  ReservationTerms terms{kFuture, 1000, false, 2, std::chrono::seconds(60)};
  const auto decide = [&](const std::string& customer, const std::string& key) {
    return reserve({order(customer, 1, kSneaker, key)}, terms).decisions.front();
  };
  for (const std::string key : {"1", "2"}) {
    ASSERT_EQ(decide("ann", key), Decision::accepted);
    EXPECT_EQ(redis.release(fence(), unpaid(key), true), ReleaseOutcome::done);
    EXPECT_EQ(redis.release(fence(), unpaid(key), true), ReleaseOutcome::already);
  }
  EXPECT_EQ(level().remaining, 5);
  EXPECT_EQ(decide("ann", "3"), Decision::unpaid_pause);
  EXPECT_EQ(decide("ann", "1"), Decision::replay);
  EXPECT_EQ(decide("bob", "3"), Decision::accepted);

  rebuild(2, {unpaid("1"), unpaid("2"), order("bob", 1, kSneaker, "3")});
  end_rest();
  EXPECT_EQ(decide("ann", "3"), Decision::unpaid_pause);
  // It was paid after all, late.
  EXPECT_EQ(redis.retake(fence(), {kFuture, 1000}, unpaid("2")).outcome, Late::done);
  EXPECT_EQ(decide("ann", "3"), Decision::accepted);
  EXPECT_EQ(redis.release(fence(), unpaid("3"), true), ReleaseOutcome::done);
  EXPECT_EQ(decide("ann", "4"), Decision::unpaid_pause);
  terms.unpaid_pause = std::chrono::microseconds(1);
  EXPECT_EQ(decide("ann", "4"), Decision::accepted);
  // The pause is over: it takes as many again.
  terms.unpaid_pause = std::chrono::seconds(60);
  EXPECT_EQ(redis.release(fence(), unpaid("4"), true), ReleaseOutcome::done);
  EXPECT_EQ(decide("ann", "5"), Decision::accepted);
}

TEST_F(RedisScriptsTest, ManyOrdersAreFoundInOneCall) {
  ASSERT_EQ(decisions({order("ann"), order("bob")}), (std::vector{Decision::accepted, Decision::accepted}));
  const std::vector<OrderId> ids{order("bob").id, order("nobody").id, order("ann").id};
  const auto found = redis.find_all(fence(), ids);
  ASSERT_FALSE(found.lost);
  ASSERT_EQ(found.records.size(), 3U);
  EXPECT_EQ(parse_order_record(found.records[0].value())->customer_id, "bob");
  EXPECT_FALSE(found.records[1]);
  EXPECT_EQ(parse_order_record(found.records[2].value())->customer_id, "ann");
}

TEST_F(RedisScriptsTest, APseudonymTakesTheCustomersPlace) {
  const auto gone = order("ann", 1, kTicket, "given back");
  const auto cart = cart_of("ann", {{kSneaker, 1}, {kTicket, 2}});
  ASSERT_THAT(decisions({order("ann"), cart, gone, order("bob")}), Each(Decision::accepted));
  ASSERT_EQ(redis.release(fence(), gone, true), ReleaseOutcome::done);
  const std::vector<OrderId> ids{order("ann").id, cart.id, gone.id, order("nobody").id};
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ(redis.rename(fence(), "erased-1", ids), RenameOutcome::done);
    const auto found = redis.find_all(fence(), ids);
    const auto held = parse_order_record(found.records[1].value());
    EXPECT_EQ(held->customer_id, "erased-1");
    EXPECT_TRUE(held->held);
    EXPECT_EQ(held->lines, cart.lines);
    const auto released = parse_order_record(found.records[2].value());
    EXPECT_EQ(released->customer_id, "erased-1");
    EXPECT_FALSE(released->held);
    EXPECT_FALSE(found.records[3]);
    EXPECT_EQ(units_of("erased-1"), 2);
    EXPECT_EQ(units_of("erased-1", kTicket), 2);
    EXPECT_EQ(units_of("bob"), 1);
  }
  const auto buyers = SaleKeys(redis.id, sale.epoch).buyers;
  for (const auto& field : {units_field(kSneaker, "ann"), units_field(kTicket, "ann"), customer_field("ann")}) {
    EXPECT_EQ(ReplyView(redis.run({"HEXISTS", buyers, field}).get()).number(), 0) << field;
  }
  // Units come back as those of any order.
  auto erased = cart;
  erased.customer_id = "erased-1";
  EXPECT_EQ(redis.release(fence(), erased, true), ReleaseOutcome::done);
  EXPECT_EQ(level().remaining, 3);
  EXPECT_EQ(level(kTicket).remaining, 3);
  EXPECT_EQ(units_of("erased-1"), 1);
}

/// Whoever read the row before the erasure comes to Redis after it.
TEST_F(RedisScriptsTest, AnErasedNameDoesNotComeBackWithWhatIsToldLate) {
  const auto cart = cart_of("ann", {{kSneaker, 1}, {kTicket, 2}});
  ASSERT_THAT(decisions({order("ann"), cart}), Each(Decision::accepted));
  const std::vector<OrderId> ids{order("ann").id, cart.id};
  ASSERT_EQ(redis.rename(fence(), "erased-1", ids), RenameOutcome::done);
  const auto expect_gone = [&](const char* after) {
    const auto all = redis.run({"HKEYS", SaleKeys(redis.id, sale.epoch).buyers});
    const ReplyView fields(all.get());
    for (std::size_t i = 0; i < fields.size(); ++i) EXPECT_THAT(fields[i].text(), Not(HasSubstr("ann"))) << after;
    for (const auto& record : redis.find_all(fence(), ids).records) {
      EXPECT_EQ(parse_order_record(record.value())->customer_id, "erased-1") << after;
    }
  };
  auto left_unpaid = cart;
  left_unpaid.status = OrderStatus::expired;
  EXPECT_EQ(redis.release(fence(), left_unpaid, true), ReleaseOutcome::done);
  EXPECT_EQ(redis.release(fence(), order("ann"), true), ReleaseOutcome::done);
  expect_gone("a release");
  EXPECT_EQ(units_of("erased-1") + units_of("erased-1", kTicket), 0);

  const auto back = redis.retake(fence(), {kFuture, 1000}, left_unpaid);
  ASSERT_EQ(back.outcome, Late::done);
  expect_gone("a late payment");
  EXPECT_EQ(units_of("erased-1"), 1);
  EXPECT_EQ(units_of("erased-1", kTicket), 2);
  const auto entry = redis.pending(sale.epoch, {}, 100).back();
  EXPECT_EQ(entry.orders.front().customer_id, "erased-1");
  EXPECT_EQ(entry.orders.front().lines, cart.lines);
  EXPECT_EQ(entry.orders.front().generation, back.generation);
  auto taken = left_unpaid;
  taken.status = OrderStatus::cancelled;
  taken.generation = back.generation;
  EXPECT_EQ(redis.release(fence(), taken, true), ReleaseOutcome::done);
  expect_gone("a release of what was taken again");
  EXPECT_EQ(units_of("erased-1", kTicket), 0);
}

}  // namespace
}  // namespace flashsale::redis
