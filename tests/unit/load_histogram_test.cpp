#include "load/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "load/random.hpp"

namespace flashsale::load {
namespace {

constexpr double kErrorMax = 0.01;  // what the reports promise; the scheme itself is good for half of it

double error_of(std::uint64_t shown, std::uint64_t true_value) {
  return std::abs(static_cast<double>(shown) - static_cast<double>(true_value)) / static_cast<double>(true_value);
}

TEST(LoadHistogramTest, EveryBucketHoldsItsOwnMiddleAndFollowsTheOneBefore) {
  for (std::size_t bucket = 0; bucket < Histogram::kBuckets; ++bucket) {
    ASSERT_EQ(Histogram::bucket_of(Histogram::middle_of(bucket)), bucket);
    if (bucket > 0) {
      ASSERT_GT(Histogram::middle_of(bucket), Histogram::middle_of(bucket - 1));
    }
  }
}

TEST(LoadHistogramTest, IsOffByAtMostOnePercentAtEveryMagnitude) {
  Random random(1);
  double worst = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const std::uint64_t value = (random.next() >> (22 + random.below(36))) + 1;
    worst = std::max(worst, error_of(Histogram::middle_of(Histogram::bucket_of(value)), value));
  }
  EXPECT_LE(worst, kErrorMax / 2);
  RecordProperty("worst_error_ppm", static_cast<int>(worst * 1e6));
}

TEST(LoadHistogramTest, EdgesOfPowersOfTwoKeepTheBound) {
  for (unsigned bits = 1; bits < Histogram::kValueBits; ++bits) {
    const std::uint64_t power = std::uint64_t{1} << bits;
    for (const std::uint64_t value : {power - 1, power, power + 1}) {
      EXPECT_LE(error_of(Histogram::middle_of(Histogram::bucket_of(value)), value), kErrorMax / 2) << value;
    }
  }
}

TEST(LoadHistogramTest, PercentilesAreThoseOfTheSortedValues) {
  Random random(2);
  std::vector<std::uint64_t> values;
  Histogram histogram;
  for (int i = 0; i < 100'000; ++i) {
    // Log-uniform from 1 us to about 1 s, as latencies are.
    values.push_back(static_cast<std::uint64_t>(1000 * std::exp(random.unit() * 13.8)));
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto rank = std::max(std::ceil(percent / 100 * static_cast<double>(values.size())), 1.0);
    const std::uint64_t true_value = values[static_cast<std::size_t>(rank) - 1];
    EXPECT_LE(error_of(histogram.percentile(percent), true_value), kErrorMax) << percent;
  }
  EXPECT_EQ(histogram.max(), values.back());
  EXPECT_EQ(histogram.count(), values.size());
}

TEST(LoadHistogramTest, MergedIsAsIfRecordedInOne) {
  Histogram first;
  Histogram second;
  Histogram both;
  for (std::uint64_t value = 1; value < 1'000'000; value += 997) {
    (value % 2 == 0 ? first : second).record(value);
    both.record(value);
  }
  first.merge(second);
  for (const double percent : {10.0, 50.0, 99.0}) EXPECT_EQ(first.percentile(percent), both.percentile(percent));
  EXPECT_EQ(first.count(), both.count());
  EXPECT_EQ(first.max(), both.max());
  EXPECT_DOUBLE_EQ(first.mean(), both.mean());
}

TEST(LoadHistogramTest, TakesWhatIsEmptyAndWhatIsTooLong) {
  Histogram histogram;
  EXPECT_EQ(histogram.percentile(99), 0U);
  histogram.record(~std::uint64_t{0});
  histogram.record(0);
  EXPECT_EQ(histogram.percentile(1), 0U);
  EXPECT_EQ(histogram.max(), ~std::uint64_t{0});
  EXPECT_EQ(histogram.count(), 2U);
}

}  // namespace
}  // namespace flashsale::load
