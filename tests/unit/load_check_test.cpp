#include "load/check.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "load/buyers.hpp"

namespace flashsale::load {
namespace {

constexpr std::uint16_t kShoe = 0;
constexpr std::uint16_t kCap = 1;
constexpr std::int64_t kStock = 10;
constexpr std::int64_t kLimit = 2;

/// What buyers saw and what the stores hold. Begins clean; each test plants one lie.
struct History {
  Expectation expectation{
      .sale_id = "sale", .sale = {}, .run_mark = "run", .items = {{"shoe", kLimit}, {"cap", 0}}, .is_own_sale = true};
  std::vector<KeyRecord> keys;
  std::vector<StoredOrder> orders;
  std::vector<StoredItem> stock{{"shoe", kStock, 0}, {"cap", kStock, 0}};
  std::optional<Audit> audit;

  KeyRecord& key(std::uint32_t buyer, std::uint32_t purchase, std::uint32_t seen, std::uint16_t item = kShoe) {
    keys.push_back({.buyer = buyer, .seen = seen, .purchase = purchase, .item = item});
    return keys.back();
  }
  StoredOrder& row(std::uint32_t buyer, std::uint32_t purchase, OrderStatus status = OrderStatus::confirmed,
                   std::uint16_t item = kShoe) {
    const OrderId id = expected_order_id(expectation.sale, expectation.run_mark, buyer, purchase);
    orders.push_back({.id = id, .customer = buyer, .quantity = 1, .item = item, .status = status});
    return orders.back();
  }

  /// Makes counters and audit agree with the rows: a lie about one thing is not one about everything.
  void count() {
    audit = Audit{.is_consistent = true, .items = {}};
    for (std::uint16_t item = 0; item < stock.size(); ++item) {
      std::int64_t live = 0;
      for (const StoredOrder& order : orders) live += order.item == item && is_live(order.status) ? order.quantity : 0;
      stock[item].sold = live;
      audit->items.push_back({stock[item].sku, stock[item].stock, live, stock[item].stock - live, 0, live, true});
    }
  }
  Verdict judge() { return check(expectation, keys, orders, stock, audit); }
};

/// Every kind of honest answer.
History clean_history() {
  History history;
  history.key(1, 0, kSeenCreated | kSeenReplayed);
  history.row(1, 0);
  history.key(2, 0, kSeenAccepted);
  history.row(2, 0);
  history.key(3, 0, kSeenRefused);
  history.key(4, 0, kSeenShed);
  history.key(4, 1, kSeenShed | kSeenRefused | kSeenCreated);
  history.row(4, 1);
  history.key(5, 0, kSeenUnknown);  // it was written after all
  history.row(5, 0);
  history.key(6, 0, kSeenUnknown);  // it was not
  history.key(7, 0, kSeenCreated | kSeenCancelSent | kSeenCancelled);
  history.row(7, 0, OrderStatus::cancelled);
  history.key(8, 0, kSeenAccepted | kSeenRejected);
  history.row(8, 0, OrderStatus::rejected);
  history.key(9, 0, kSeenCreated);
  history.row(9, 0);
  history.key(9, 1, kSeenCreated);
  history.row(9, 1);
  history.key(9, 2, kSeenRefused);
  history.key(9, 3, kSeenCreated, kCap);
  history.row(9, 3, OrderStatus::confirmed, kCap);
  history.key(10, 0, kSeenUnknown | kSeenRefused | kSeenRefusedAtTheEnd);
  history.key(11, 0, 0);  // never sent
  history.count();
  return history;
}

/// The lie is found so often, and nothing else is.
void expect_only(History& history, Lie lie, std::uint64_t count = 1) {
  const Verdict verdict = history.judge();
  EXPECT_FALSE(verdict.passed());
  for (std::size_t i = 0; i < kLies; ++i) {
    const auto one = static_cast<Lie>(i);
    const Verdict::Finding& finding = verdict[one];
    EXPECT_EQ(finding.count, one == lie ? count : 0U)
        << to_string(one) << ": " << (finding.samples.empty() ? "" : finding.samples.front());
    EXPECT_EQ(finding.samples.size(), std::min<std::uint64_t>(finding.count, Verdict::kSamplesMax));
  }
}

TEST(LoadCheckTest, ACleanHistoryPasses) {
  History history = clean_history();
  const Verdict verdict = history.judge();
  EXPECT_TRUE(verdict.passed());
  for (std::size_t i = 0; i < kLies; ++i) EXPECT_EQ(verdict.findings[i].count, 0U) << to_string(static_cast<Lie>(i));
  EXPECT_EQ(verdict.keys, history.keys.size());
  EXPECT_EQ(verdict.keys_with_order, 8U);
  EXPECT_EQ(verdict.keys_unknown, 2U);
  EXPECT_EQ(verdict.rows, history.orders.size());
}

/// A cart of a unit of each of the two items.
void add_cart(History& history, std::uint32_t buyer) {
  history.key(buyer, 0, kSeenCreated, kCap).lines = 2;
  history.row(buyer, 0, OrderStatus::confirmed, kShoe);
  history.row(buyer, 0, OrderStatus::confirmed, kCap);
}

TEST(LoadCheckTest, ACartIsAllOfItsRows) {
  History history = clean_history();
  add_cart(history, 100);
  history.count();
  EXPECT_TRUE(history.judge().passed());
}

TEST(LoadCheckTest, CatchesACartThatIsNotWhole) {
  History history = clean_history();
  add_cart(history, 100);
  history.orders.pop_back();
  history.count();
  expect_only(history, Lie::other_lines);
}

TEST(LoadCheckTest, CatchesALineThatNobodyAskedFor) {
  History history = clean_history();
  history.key(100, 0, kSeenCreated);
  history.row(100, 0);
  history.row(100, 0, OrderStatus::confirmed, kCap);
  history.count();
  expect_only(history, Lie::other_lines);
}

TEST(LoadCheckTest, CatchesACartOfTwoStatuses) {
  History history = clean_history();
  add_cart(history, 100);
  history.orders.back().status = OrderStatus::cancelled;
  history.count();
  expect_only(history, Lie::other_lines);
}

TEST(LoadCheckTest, CatchesA201WithoutARow) {
  History history = clean_history();
  history.key(100, 0, kSeenCreated);
  expect_only(history, Lie::created_without_row);
}

TEST(LoadCheckTest, CatchesAReplayWithoutARow) {
  History history = clean_history();
  history.key(9, 4, kSeenReplayed);
  expect_only(history, Lie::created_without_row);
}

TEST(LoadCheckTest, CatchesA202ThatWasForgotten) {
  History history = clean_history();
  history.key(100, 0, kSeenAccepted);
  expect_only(history, Lie::accepted_without_row);
  history.expectation.redis_may_be_lost = true;
  EXPECT_TRUE(history.judge().passed());
}

TEST(LoadCheckTest, CatchesA201ThatIsNoLongerAnOrder) {
  for (const OrderStatus status : {OrderStatus::cancelled, OrderStatus::expired, OrderStatus::rejected}) {
    History history = clean_history();
    history.key(100, 0, kSeenCreated);
    history.row(100, 0, status);
    expect_only(history, Lie::created_not_live);
  }
}

TEST(LoadCheckTest, AnotherMerchantMayCancelButNotReject) {
  History history = clean_history();
  history.expectation.is_own_sale = false;
  history.key(100, 0, kSeenCreated);
  history.row(100, 0, OrderStatus::expired);
  EXPECT_TRUE(history.judge().passed());
  history.key(101, 0, kSeenCreated);
  history.row(101, 0, OrderStatus::rejected);
  expect_only(history, Lie::created_not_live);
}

TEST(LoadCheckTest, CatchesASecond201ForOneKey) {
  History history = clean_history();
  history.keys.front().seen |= kSeenCreatedAgain;
  expect_only(history, Lie::created_again);
}

TEST(LoadCheckTest, CatchesTwoIdsForOneKey) {
  History history = clean_history();
  history.keys.front().seen |= kSeenOtherId;
  expect_only(history, Lie::two_ids_for_one_key);
}

TEST(LoadCheckTest, CatchesASuccessThatIsNoOrder) {
  History history = clean_history();
  history.keys.front().seen |= kSeenNoId;
  expect_only(history, Lie::answer_without_order);
}

TEST(LoadCheckTest, CatchesARowTwice) {
  History history = clean_history();
  history.orders.push_back(history.orders.front());
  history.count();
  expect_only(history, Lie::row_twice);
}

TEST(LoadCheckTest, CatchesOtherLines) {
  History history = clean_history();
  history.key(100, 0, kSeenCreated, kCap);
  history.row(100, 0, OrderStatus::confirmed, kShoe);
  history.key(101, 0, kSeenCreated, kCap);
  history.row(101, 0, OrderStatus::confirmed, kCap).quantity = 2;
  history.count();
  expect_only(history, Lie::other_lines, 2);
}

TEST(LoadCheckTest, CatchesARowThatNobodyOrdered) {
  History history = clean_history();
  history.row(100, 0);
  history.count();
  expect_only(history, Lie::row_nobody_ordered);
  history.expectation.is_own_sale = false;
  EXPECT_TRUE(history.judge().passed());
}

TEST(LoadCheckTest, CatchesAStrangersRow) {
  History history = clean_history();
  history.row(100, 0).customer = StoredOrder::kStranger | 5;
  history.count();
  expect_only(history, Lie::row_nobody_ordered);
}

TEST(LoadCheckTest, CatchesARefusalWhoseOrderIsLive) {
  for (const std::uint32_t seen : {kSeenRefused, kSeenShed}) {
    History history = clean_history();
    history.key(100, 0, seen);
    history.row(100, 0);
    history.count();
    expect_only(history, Lie::refused_with_live_row);
    history.expectation.is_behind_proxy = true;
    EXPECT_TRUE(history.judge().passed());
  }
}

TEST(LoadCheckTest, CatchesARefusalAtTheEndWhoseOrderIsLive) {
  History history = clean_history();
  history.key(100, 0, kSeenUnknown | kSeenRefused | kSeenRefusedAtTheEnd);
  history.row(100, 0);
  history.count();
  expect_only(history, Lie::refused_with_live_row);
}

TEST(LoadCheckTest, ARefusalWhoseOrderIsRejectedIsHonest) {
  History history = clean_history();
  history.key(100, 0, kSeenRefused | kSeenRefusedAfterOrder | kSeenAccepted);
  history.row(100, 0, OrderStatus::rejected);
  EXPECT_TRUE(history.judge().passed());
}

TEST(LoadCheckTest, CatchesA409ForAKeyThatHoldsAnOrder) {
  for (const OrderStatus status : {OrderStatus::confirmed, OrderStatus::cancelled}) {
    History history = clean_history();
    history.key(100, 0, kSeenCreated | kSeenCancelSent | kSeenRefused | kSeenRefusedAfterOrder);
    history.row(100, 0, status);
    history.count();
    expect_only(history, Lie::refused_after_order);
  }
}

TEST(LoadCheckTest, CatchesAnOrderThatIsNotShownToItsBuyer) {
  History history = clean_history();
  history.keys.front().seen |= kSeenGone;
  expect_only(history, Lie::order_gone);
}

TEST(LoadCheckTest, CatchesACancellationThatDidNotHappen) {
  History history = clean_history();
  history.key(100, 0, kSeenCreated | kSeenCancelSent | kSeenCancelled);
  history.row(100, 0);
  history.count();
  expect_only(history, Lie::cancelled_but_live);
}

TEST(LoadCheckTest, CatchesACustomerAboveTheLimit) {
  History history = clean_history();
  history.key(9, 4, kSeenCreated);
  history.row(9, 4);
  history.count();
  expect_only(history, Lie::customer_above_limit);
}

TEST(LoadCheckTest, CatchesAStrangerAboveTheLimit) {
  History history = clean_history();
  history.expectation.is_own_sale = false;
  for (std::uint32_t purchase = 0; purchase <= kLimit; ++purchase) {
    history.row(100, purchase).customer = StoredOrder::kStranger | 5;
  }
  history.count();
  expect_only(history, Lie::customer_above_limit);
}

TEST(LoadCheckTest, UnitsThatWereGivenBackAreNotHeldAgainstTheLimit) {
  History history = clean_history();
  history.key(9, 4, kSeenCreated | kSeenCancelSent);
  history.row(9, 4, OrderStatus::cancelled);
  EXPECT_TRUE(history.judge().passed());
}

TEST(LoadCheckTest, CatchesAnOversoldItem) {
  History history = clean_history();
  for (std::uint32_t buyer = 100; buyer < 100 + kStock; ++buyer) {
    history.key(buyer, 0, kSeenCreated);
    history.row(buyer, 0);
  }
  history.count();
  expect_only(history, Lie::units_above_stock);
}

TEST(LoadCheckTest, CatchesACounterThatIsNotItsRows) {
  History history = clean_history();
  ++history.stock[kShoe].sold;
  ++history.audit->items[kShoe].sold;
  expect_only(history, Lie::sold_is_not_live_units);
}

TEST(LoadCheckTest, CatchesALostStockRow) {
  History history = clean_history();
  history.stock.pop_back();
  expect_only(history, Lie::sold_is_not_live_units);
}

TEST(LoadCheckTest, CatchesAnAuditThatComplains) {
  History history = clean_history();
  history.audit->is_consistent = false;
  expect_only(history, Lie::audit_inconsistent);
  history.audit->is_consistent = true;
  history.audit->items[kCap].is_consistent = false;
  expect_only(history, Lie::audit_inconsistent);
}

TEST(LoadCheckTest, CatchesAnAuditThatDoesNotAddUp) {
  History history = clean_history();
  --history.audit->items[kShoe].remaining;  // a stranded unit
  expect_only(history, Lie::audit_disagrees);
}

TEST(LoadCheckTest, CatchesAnAuditOfOtherNumbersThanPostgres) {
  History history = clean_history();
  --history.audit->items[kShoe].live_units;
  ++history.audit->items[kShoe].remaining;
  expect_only(history, Lie::audit_disagrees);
}

TEST(LoadCheckTest, CatchesAnAuditWithoutAnItem) {
  History history = clean_history();
  history.audit->items.pop_back();
  expect_only(history, Lie::audit_disagrees);
}

TEST(LoadCheckTest, CatchesAMissingAudit) {
  History history = clean_history();
  history.audit.reset();
  expect_only(history, Lie::audit_unreadable);
}

TEST(LoadCheckTest, CountsEachOfManyLiesAndKeepsAFewSamples) {
  History history = clean_history();
  for (std::uint32_t buyer = 100; buyer < 150; ++buyer) history.key(buyer, 0, kSeenCreated);
  expect_only(history, Lie::created_without_row, 50);
}

TEST(LoadCheckTest, ReadsAnAudit) {
  const auto audit = parse_audit(
      R"({"sale_id":"s","consistent":true,"checked_at":"x","items":[{"sku":"a","stock":5,"sold":2,"remaining":3,)"
      R"("pending":0,"live_units":2,"consistent":true}]})");
  ASSERT_TRUE(audit);
  EXPECT_TRUE(audit->is_consistent);
  EXPECT_EQ(audit->items.front().remaining, 3);
  for (const char* text : {"", "{}", "<html>", R"({"consistent":true})", R"({"consistent":"yes","items":[]})"}) {
    EXPECT_FALSE(parse_audit(text)) << text;
  }
}

}  // namespace
}  // namespace flashsale::load
