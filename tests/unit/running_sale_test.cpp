#include "flashsale/forecast/running_sale.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "flashsale/forecast/hindsight.hpp"

namespace flashsale::forecast {
namespace {

using ::testing::ElementsAre;

constexpr Second kBegin = 1'800'000'000;

std::vector<SecondCount> even_crowd(Second from, int seconds, double each) {
  std::vector<SecondCount> counts;
  for (int i = 0; i < seconds; ++i) counts.push_back({from + i, each});
  return counts;
}

TEST(RunningSaleTest, BeginsWithTheFirstWhoComes) {
  RunningSale sale({});
  sale.add({}, kBegin + 50);
  EXPECT_FALSE(sale.begun());
  EXPECT_EQ(sale.look().elapsed_s, 0U);
  const std::vector<SecondCount> counts{{kBegin + 100, 30}, {kBegin + 103, 5}};
  sale.add(counts, kBegin + 99);
  EXPECT_FALSE(sale.begun()) << "that second is not whole yet";
  sale.add(counts, kBegin + 104);
  EXPECT_EQ(sale.begun(), kBegin + 100);
  EXPECT_EQ(sale.next(), kBegin + 105);
  EXPECT_EQ(sale.look().elapsed_s, 5U) << "seconds in which nobody came are seconds";
  EXPECT_TRUE(sale.look().arrivals);
}

TEST(RunningSaleTest, TakesNoSecondTwice) {
  RunningSale once({}), twice({});
  const auto counts = even_crowd(kBegin, 20, 50);
  once.add(counts, kBegin + 19);
  twice.add(counts, kBegin + 9);
  twice.add(counts, kBegin + 9);
  twice.add(counts, kBegin + 19);
  EXPECT_EQ(once.next(), twice.next());
  EXPECT_EQ(once.look().arrivals, twice.look().arrivals);
}

TEST(RunningSaleTest, LevelsAreThoseOfTheSecondThatHasEnded) {
  RunningSale sale({});
  std::int64_t left = 10'000;
  for (int i = 0; i < 30; ++i) {
    sale.note_levels(kBegin + i, {left -= 50});
    sale.note_levels(kBegin + i, {0});  // the first look at a second counts
    sale.add(even_crowd(kBegin, i + 1, 100), kBegin + i);
  }
  const auto said = sale.look();
  ASSERT_EQ(said.sell_outs.size(), 1U);
  ASSERT_TRUE(said.sell_outs[0]);
  EXPECT_FALSE(said.sell_outs[0]->earliest_s) << "170 seconds, at half a unit each";
}

TEST(RunningSaleTest, LevelsOfSecondsThatCameLateAreLeftOut) {
  RunningSale sale({});
  for (int i = 0; i < 100; ++i) sale.note_levels(kBegin + i, {1000 - i});
  sale.add(even_crowd(kBegin, 100, 10), kBegin + 99);
  // The newest levels are known, which is enough to go on with.
  EXPECT_EQ(sale.look().sell_outs.size(), 1U);
}

TEST(RunningSaleTest, EndsAfterSomeHours) {
  RunningSale sale({});
  sale.add(even_crowd(kBegin, 1, 5), kBegin + 2 * RunningSale::kSecondsMax);
  EXPECT_EQ(sale.next(), kBegin + RunningSale::kSecondsMax);
  EXPECT_TRUE(sale.is_kept(kBegin + RunningSale::kSecondsMax - 1));
  EXPECT_FALSE(sale.is_kept(kBegin + RunningSale::kSecondsMax));
}

TEST(RunningSaleTest, ACurveHasItsEmptySeconds) {
  EXPECT_TRUE(curve_of({}).empty());
  const std::vector<SecondCount> counts{
      {kBegin, 3}, {kBegin + 2, 4}, {kBegin + 2, 1}, {kBegin + RunningSale::kSecondsMax, 9}};
  EXPECT_THAT(curve_of(counts), ElementsAre(3, 0, 5));
}

TEST(HindsightTest, SaysHowOftenAnIntervalHeld) {
  const std::vector<double> even(200, 100.0);
  const auto looked_back = look_back(even, {});
  // From the third second on; of a minute only what has passed.
  EXPECT_EQ(looked_back.targets[0].judged, 197U);
  EXPECT_EQ(looked_back.targets[1].judged, 188U);
  EXPECT_EQ(looked_back.targets[2].judged, 138U);
  EXPECT_EQ(looked_back.targets[3].judged, 138U);
  for (const auto& target : looked_back.targets) EXPECT_LE(target.covered, target.judged);
  EXPECT_GT(looked_back.targets[0].covered, 100U);
}

TEST(HindsightTest, WhatIsNotLikeAnythingIsNotCovered) {
  std::vector<double> curve(120, 50.0);
  for (std::size_t i = 60; i < curve.size(); ++i) curve[i] = 1e6;
  const auto looked_back = look_back(curve, {});
  EXPECT_EQ(looked_back.targets[3].judged, 58U);
  EXPECT_EQ(looked_back.targets[3].covered, 0U) << "the wave lies in each of these minutes";
}

TEST(HindsightTest, OfAShortCurveThereIsNothingToSay) {
  EXPECT_EQ(look_back(std::vector<double>{500, 500, 500}, {}).targets[0].judged, 0U);
  EXPECT_EQ(look_back({}, {}).targets[0].judged, 0U);
}

}  // namespace
}  // namespace flashsale::forecast
