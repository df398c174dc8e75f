#include "flashsale/model/feature_flags.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

namespace flashsale {
namespace {

std::string customer(int number) { return "buyer-" + std::to_string(number); }

FeatureFlags with(Feature feature, Flag flag) {
  FeatureFlags flags;
  flags.set(feature, std::move(flag));
  return flags;
}

TEST(FeatureFlagsTest, NamesAreThoseOfTheApi) {
  for (const auto feature : kFeatures) EXPECT_EQ(parse_feature(to_string(feature)), feature);
  EXPECT_EQ(to_string(Feature::checkout), "checkout");
  EXPECT_EQ(to_string(Feature::queue_joins), "queue_joins");
  EXPECT_EQ(to_string(Feature::webhooks), "webhooks");
  EXPECT_EQ(to_string(Feature::live_stock), "live_stock");
  for (const char* unknown : {"", "Checkout", "checkout ", "checkouts", "queue-joins"}) {
    EXPECT_EQ(parse_feature(unknown), std::nullopt) << unknown;
  }
}

TEST(FeatureFlagsTest, WhatWasNeverSetIsAtItsDefault) {
  const FeatureFlags flags;
  for (const auto feature : kFeatures) {
    EXPECT_TRUE(is_on_by_default(feature));
    EXPECT_EQ(default_flag(feature), (Flag{true, 100, {}}));
    EXPECT_TRUE(flags.is_on(feature, "drop", "alice"));
    EXPECT_TRUE(flags.is_on(feature, {}, {}));
  }
}

TEST(FeatureFlagsTest, AKillSwitchIsForAllAndLeavesOtherFeatures) {
  const auto flags = with(Feature::checkout, {false, 100, {}});
  EXPECT_FALSE(flags.is_on(Feature::checkout, "drop", "alice"));
  EXPECT_FALSE(flags.is_on(Feature::checkout, {}, {}));
  for (const auto other : {Feature::queue_joins, Feature::webhooks, Feature::live_stock}) {
    EXPECT_TRUE(flags.is_on(other, "drop", "alice"));
  }
}

TEST(FeatureFlagsTest, SettingAgainReplaces) {
  auto flags = with(Feature::checkout, {false, 0, {"drop"}});
  flags.set(Feature::checkout, {true, 100, {}});
  EXPECT_TRUE(flags.is_on(Feature::checkout, "drop", "alice"));
}

TEST(FeatureFlagsTest, ForSingleSalesTheOthersAreAtTheDefault) {
  const auto flags = with(Feature::checkout, {false, 100, {"zebra", "apple", "mango", "apple"}});
  for (const char* named : {"apple", "mango", "zebra"}) EXPECT_FALSE(flags.is_on(Feature::checkout, named, "alice"));
  for (const char* other : {"banana", "appl", "apples", ""})
    EXPECT_TRUE(flags.is_on(Feature::checkout, other, "alice"));
}

// The customers of a percentage are the same on every instance and in every release. If this fails, do not change the
// numbers: the hash has changed.
TEST(FeatureFlagsTest, BucketsNeverChange) {
  EXPECT_EQ(rollout_bucket(Feature::checkout, "alice"), 33U);
  EXPECT_EQ(rollout_bucket(Feature::checkout, "bob"), 40U);
  EXPECT_EQ(rollout_bucket(Feature::checkout, "buyer-1"), 7U);
  EXPECT_EQ(rollout_bucket(Feature::checkout, "buyer-2"), 74U);
  EXPECT_EQ(rollout_bucket(Feature::checkout, "zo\xc3\xab"), 54U);
  EXPECT_EQ(rollout_bucket(Feature::checkout, "auth0|5f7c"), 63U);
  EXPECT_EQ(rollout_bucket(Feature::queue_joins, "alice"), 28U);
  EXPECT_EQ(rollout_bucket(Feature::webhooks, "alice"), 47U);
  EXPECT_EQ(rollout_bucket(Feature::live_stock, "alice"), 22U);
  EXPECT_EQ(rollout_bucket(Feature::live_stock, "zo\xc3\xab"), 97U);
}

TEST(FeatureFlagsTest, BucketsAreSpreadEvenly) {
  constexpr int kCustomers = 100'000;
  std::array<int, 100> counts{};
  for (int i = 0; i < kCustomers; ++i) ++counts.at(rollout_bucket(Feature::checkout, customer(i)));
  double chi_square = 0;
  for (const int count : counts) {
    const double off = count - kCustomers / 100.0;
    chi_square += off * off / (kCustomers / 100.0);
  }
  // 99 degrees of freedom: beyond this by chance once in a thousand; the input is fixed.
  EXPECT_LT(chi_square, 148.2);
}

TEST(FeatureFlagsTest, APercentageIsThatShareOfCustomers) {
  for (const int percent : {1, 10, 50, 99}) {
    const auto flags = with(Feature::checkout, {true, percent, {}});
    int on = 0;
    for (int i = 0; i < 100'000; ++i) on += flags.is_on(Feature::checkout, "drop", customer(i)) ? 1 : 0;
    EXPECT_NEAR(on, percent * 1000, 500) << percent;
  }
}

TEST(FeatureFlagsTest, WhoHasItKeepsItWhileThePercentageGrows) {
  for (int i = 0; i < 500; ++i) {
    bool was_on = false;
    for (int percent = 0; percent <= 100; ++percent) {
      const bool is_on = with(Feature::checkout, {true, percent, {}}).is_on(Feature::checkout, "drop", customer(i));
      EXPECT_TRUE(is_on || !was_on) << customer(i) << " at " << percent;
      was_on = is_on;
    }
    EXPECT_TRUE(was_on) << customer(i);
    EXPECT_FALSE(with(Feature::checkout, {true, 0, {}}).is_on(Feature::checkout, "drop", customer(i)));
  }
}

TEST(FeatureFlagsTest, FeaturesHaveDifferentCustomersAtTheSamePercentage) {
  auto flags = with(Feature::checkout, {true, 50, {}});
  flags.set(Feature::live_stock, {true, 50, {}});
  int both = 0;
  for (int i = 0; i < 20'000; ++i) {
    both +=
        flags.is_on(Feature::checkout, {}, customer(i)) && flags.is_on(Feature::live_stock, {}, customer(i)) ? 1 : 0;
  }
  EXPECT_NEAR(both, 5'000, 250);
}

TEST(FeatureFlagsTest, APartOfNobodyIsTheDefault) {
  EXPECT_TRUE(with(Feature::live_stock, {true, 1, {}}).is_on(Feature::live_stock, "drop", {}));
  EXPECT_TRUE(with(Feature::live_stock, {true, 99, {}}).is_on(Feature::live_stock, "drop", {}));
  EXPECT_FALSE(with(Feature::live_stock, {true, 0, {}}).is_on(Feature::live_stock, "drop", {}));
  EXPECT_FALSE(with(Feature::live_stock, {false, 50, {}}).is_on(Feature::live_stock, "drop", {}));
}

TEST(FeatureFlagsTest, SwitchedOffAPercentageSaysNothing) {
  const auto flags = with(Feature::checkout, {false, 50, {}});
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(flags.is_on(Feature::checkout, "drop", customer(i)));
}

}  // namespace
}  // namespace flashsale
