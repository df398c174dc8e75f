#include "api/ops_rates.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::api {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(OpsRatesTest, AQuantileLiesEvenlyWithinItsBucket) {
  const HistogramCounts counts{{1, 2, 4, kInfinity}, {10, 20, 20, 20}};
  EXPECT_DOUBLE_EQ(*quantile(counts, 0.25), 0.5);
  EXPECT_DOUBLE_EQ(*quantile(counts, 0.5), 1);
  EXPECT_DOUBLE_EQ(*quantile(counts, 0.75), 1.5);
  EXPECT_DOUBLE_EQ(*quantile(counts, 1), 2);
}

TEST(OpsRatesTest, EmptyBucketsAreSteppedOver) {
  const HistogramCounts counts{{1, 2, 4, kInfinity}, {0, 0, 8, 8}};
  EXPECT_DOUBLE_EQ(*quantile(counts, 0), 2);
  EXPECT_DOUBLE_EQ(*quantile(counts, 0.5), 3);
}

TEST(OpsRatesTest, BeyondTheHighestBoundItIsThatBound) {
  EXPECT_DOUBLE_EQ(*quantile({{1, 2, kInfinity}, {0, 1, 100}}, 0.99), 2);
}

TEST(OpsRatesTest, NothingObservedHasNoQuantile) {
  EXPECT_FALSE(quantile({}, 0.5));
  EXPECT_FALSE(quantile({{1, kInfinity}, {0, 0}}, 0.5));
}

TEST(OpsRatesTest, TellsWhatWasObservedBetweenTwoLooks) {
  telemetry::Metrics metrics;
  auto& durations = metrics.request_durations();
  auto& seconds = durations.add("POST", "route", 201);
  for (int i = 0; i < 100; ++i) seconds.observe(9);
  const auto before = counts_of(durations.of_route("route"));
  EXPECT_EQ(before.total(), 100U);
  for (int i = 0; i < 10; ++i) seconds.observe(0.04);
  const auto between = difference(before, counts_of(durations.of_route("route")));
  EXPECT_EQ(between.total(), 10U);
  // Of the bucket from 25 to 50 ms: what was slow before does not count.
  EXPECT_GT(*quantile(between, 0.5), 0.025);
  EXPECT_LE(*quantile(between, 0.99), 0.05);
  EXPECT_EQ(difference({}, before).total(), 100U);
}

TEST(OpsRatesTest, BucketsThatWereReadAtDifferentMomentsDoNotFall) {
  const auto between = difference({{1, 2, kInfinity}, {5, 5, 5}}, {{1, 2, kInfinity}, {9, 7, 8}});
  EXPECT_EQ(between.at_most, (std::vector<std::uint64_t>{4, 4, 4}));
}

TEST(OpsRatesTest, ARateIsNeverBelowZero) {
  EXPECT_DOUBLE_EQ(rate_a_second(10, 30, 2), 10);
  EXPECT_DOUBLE_EQ(rate_a_second(30, 10, 2), 0);
  EXPECT_DOUBLE_EQ(rate_a_second(10, 30, 0), 0);
}

}  // namespace
}  // namespace flashsale::api
