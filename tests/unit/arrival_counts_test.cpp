#include "checkout/arrival_counts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "admin/pending_arrivals.hpp"

namespace flashsale {
namespace {

using admin::PendingArrivals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

MATCHER_P2(Came, sale_no, checkouts, "") { return arg.sale_no == sale_no && arg.checkouts == checkouts; }

TEST(ArrivalCountsTest, CountsBySaleWhatCameSinceTheLastCall) {
  checkout::ArrivalCounts counts;
  for (const auto sale_no : {7, 7, 3, 7}) counts.add(sale_no);
  EXPECT_THAT(counts.take(), ElementsAre(Came(3, 1), Came(7, 3)));
  EXPECT_THAT(counts.take(), IsEmpty());
  counts.add(7);
  EXPECT_THAT(counts.take(), ElementsAre(Came(7, 1)));
}

TEST(PendingArrivalsTest, GivesSecondsThatHaveEnded) {
  PendingArrivals pending;
  pending.add(1, 100, 5);
  pending.add(1, 100, 2);
  pending.add(1, 101, 9);
  pending.add(2, 101, 4);
  EXPECT_THAT(pending.take(100), IsEmpty());
  EXPECT_THAT(pending.take(101), ElementsAre(Pair(1, ElementsAre(Pair(100, 7)))));
  EXPECT_THAT(pending.take(102), ElementsAre(Pair(1, ElementsAre(Pair(101, 9))), Pair(2, ElementsAre(Pair(101, 4)))));
  EXPECT_THAT(pending.take(1000), IsEmpty());
}

TEST(PendingArrivalsTest, WhatCouldNotBeWrittenIsAddedToWhatCameMeanwhile) {
  PendingArrivals pending;
  pending.add(1, 100, 5);
  const auto taken = pending.take(101);
  pending.add(1, 100, 1);
  pending.put_back(1, taken.at(1));
  EXPECT_THAT(pending.take(101), ElementsAre(Pair(1, ElementsAre(Pair(100, 6)))));
}

TEST(PendingArrivalsTest, ForgetsTheOldestBeyondItsBounds) {
  PendingArrivals pending;
  const auto seconds = static_cast<std::int64_t>(PendingArrivals::kSecondsMax);
  for (std::int64_t second = 0; second < seconds + 10; ++second) pending.add(1, second, 1);
  for (std::size_t sale = 2; sale < 2 * PendingArrivals::kSalesMax; ++sale) {
    pending.add(static_cast<std::int32_t>(sale), 5, 1);
  }
  const auto taken = pending.take(seconds + 10);
  EXPECT_EQ(taken.size(), PendingArrivals::kSalesMax);
  EXPECT_EQ(taken.at(1).size(), PendingArrivals::kSecondsMax);
  EXPECT_EQ(taken.at(1).begin()->first, 10);
}

}  // namespace
}  // namespace flashsale
