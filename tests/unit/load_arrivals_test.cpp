#include "load/arrivals.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace flashsale::load {
namespace {

std::vector<std::uint64_t> first_of(Arrivals arrivals, std::size_t count) {
  std::vector<std::uint64_t> moments;
  for (; moments.size() < count; arrivals.advance()) moments.push_back(arrivals.next_ns());
  return moments;
}

std::size_t count_until(Arrivals arrivals, std::uint64_t end_ns) {
  std::size_t count = 0;
  for (; arrivals.next_ns() < end_ns; arrivals.advance()) ++count;
  return count;
}

TEST(LoadArrivalsTest, TheSameSeedGivesTheSameSchedule) {
  const Arrivals arrivals(ArrivalPattern::poisson, 1000, 7, 0, 1);
  EXPECT_EQ(first_of(arrivals, 1000), first_of(Arrivals(ArrivalPattern::poisson, 1000, 7, 0, 1), 1000));
  EXPECT_NE(first_of(arrivals, 1000), first_of(Arrivals(ArrivalPattern::poisson, 1000, 8, 0, 1), 1000));
}

TEST(LoadArrivalsTest, PoissonKeepsTheRateAndItsSpread) {
  constexpr std::size_t kCount = 200'000;
  const auto moments = first_of(Arrivals(ArrivalPattern::poisson, 10'000, 3, 0, 1), kCount);
  EXPECT_NEAR(static_cast<double>(moments.back()) / 1e9, 20, 0.2);
  double squares = 0;
  for (std::size_t i = 1; i < kCount; ++i) {
    const double gap_in_means = static_cast<double>(moments[i] - moments[i - 1]) / 100'000;
    squares += (gap_in_means - 1) * (gap_in_means - 1);
  }
  // The gaps of a Poisson process vary as much as they are long.
  EXPECT_NEAR(std::sqrt(squares / kCount), 1, 0.02);
}

TEST(LoadArrivalsTest, UniformHasEqualGapsAndDoesNotDrift) {
  const auto moments = first_of(Arrivals(ArrivalPattern::uniform, 3000, 0, 0, 1), 300'001);
  EXPECT_EQ(moments.front(), 0U);
  EXPECT_NEAR(static_cast<double>(moments.back()) / 1e9, 100, 1e-6);
}

TEST(LoadArrivalsTest, SharesAddUpToTheWhole) {
  constexpr std::uint64_t kTenSeconds = 10'000'000'000;
  for (const ArrivalPattern pattern : {ArrivalPattern::poisson, ArrivalPattern::uniform}) {
    std::size_t count = 0;
    for (unsigned share = 0; share < 3; ++share)
      count += count_until(Arrivals(pattern, 5000, 5, share, 3), kTenSeconds);
    EXPECT_NEAR(static_cast<double>(count), 50'000, 1000);
  }
}

}  // namespace
}  // namespace flashsale::load
