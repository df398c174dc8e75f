#include "flashsale/admin/audited_item.hpp"

#include <gtest/gtest.h>

namespace flashsale::admin {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 1}};

/// A hundred units, of which thirty are sold.
class AuditedItemTest : public ::testing::Test {
 protected:
  AuditedItemTest() {
    item.sku = "a";
    row.stock = 100;
    row.sold = row.live_units = row.live_units_until = 30;
    row.newest = kNow - 1s;
    before.remaining = after.remaining = 70;
  }
  [[nodiscard]] AuditedItem audited() const {
    return judge(item, row, {&before, &after, before_at, kNow + 10ms}, {unwritten, withdrawn});
  }

  Item item;
  postgres::ItemAudit row;
  redis::ItemLevel before, after;
  TimePoint before_at = kNow;
  std::int64_t unwritten = 0, withdrawn = 0;
};

TEST_F(AuditedItemTest, WhatAddsUpIsConsistent) {
  EXPECT_TRUE(audited().consistent);
  before.remaining = after.remaining = 60;
  EXPECT_EQ(audited().drift, -10);
  EXPECT_TRUE(audited().judged);
  unwritten = 7;
  withdrawn = 3;
  EXPECT_TRUE(audited().consistent);
}

TEST_F(AuditedItemTest, OrdersThatCameInBetweenDoNotCount) {
  after.remaining = 65;
  row.sold = row.live_units = 35;
  row.newest = kNow + 5ms;
  EXPECT_TRUE(audited().consistent);
}

TEST_F(AuditedItemTest, WhereNoneCameNoMomentIsAsked) {
  // Redis's clock has stepped back 40 s: these orders seem to be of later.
  row.live_units_until = 28;
  row.newest = kNow + 40s;
  EXPECT_TRUE(audited().consistent);
}

TEST_F(AuditedItemTest, WhereSomeCameAClockThatHasSteppedBackSaysNothing) {
  after.remaining = 65;
  row.sold = row.live_units = 35;
  row.live_units_until = 28;
  row.newest = kNow + 40s;
  EXPECT_FALSE(audited().judged);
  // Else it would be a drift.
  row.newest = kNow + 5ms;
  EXPECT_TRUE(audited().judged);
  EXPECT_EQ(audited().drift, -2);
  before_at = kNow + 40s;
  EXPECT_FALSE(audited().judged);
}

TEST_F(AuditedItemTest, WhatComesBackMeanwhileIsNotJudged) {
  after.version = 1;
  EXPECT_FALSE(audited().judged);
  after.version = 0;
  row.stock_version = 1;
  EXPECT_FALSE(audited().judged);
}

TEST_F(AuditedItemTest, UnitsThatMayBeCountedTwiceAreNoDrift) {
  row.freed_units = row.freed_units_until = 5;
  EXPECT_FALSE(audited().judged);
  before.remaining = after.remaining = 65;
  EXPECT_TRUE(audited().consistent);
  before.remaining = after.remaining = 71;
  EXPECT_TRUE(audited().judged);
  EXPECT_EQ(audited().drift, 6);
}

TEST_F(AuditedItemTest, AnItemThatRedisDoesNotHaveIsNotJudged) {
  EXPECT_FALSE(judge(item, row, {&before, nullptr, kNow, kNow}, {}).judged);
}

}  // namespace
}  // namespace flashsale::admin
