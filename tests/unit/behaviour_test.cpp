#include "flashsale/model/behaviour.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace flashsale {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Spread spread_of(std::uint32_t count, double mean, double variation) {
  return {count, mean, variation * variation * mean * mean * (count - 1)};
}

/// One person who has clicked once.
Behaviour one_click() {
  Behaviour seen;
  seen.checkouts = seen.burst = seen.neighbours = 1;
  return seen;
}

struct Case {
  const char* who;
  std::function<void(Behaviour&)> make;
  int least;
  int most;
};

TEST(BehaviourTest, PeopleScoreLowAndMachinesHigh) {
  const std::vector<Case> cases{
      {"one click", [](Behaviour&) {}, 0, 0},
      {"sees that it has opened", [](Behaviour& seen) { seen.opening_ms = 640; }, 0, 0},
      {"the fastest eye and hand there are", [](Behaviour& seen) { seen.opening_ms = 150; }, 0, 0},
      {"double click", [](Behaviour& seen) { seen.burst = seen.checkouts = 2; }, 0, 0},
      {"a network that stood still", [](Behaviour& seen) { seen.burst = seen.checkouts = 3; }, 1, 24},
      {"impatient fingers", [](Behaviour& seen) { seen.rhythm = spread_of(30, 170, 0.2); }, 0, 0},
      {"a drummer's fingers", [](Behaviour& seen) { seen.rhythm = spread_of(20, 250, 0.08); }, 20, 49},
      {"half a minute of clicks", [](Behaviour& seen) { seen.rhythm = spread_of(100, 300, 0.3); }, 0, 24},
      {"a school of 300 at the opening",
       [](Behaviour& seen) {
         seen.neighbours = 300;
         seen.fast_neighbours = 3;
         seen.newcomers = spread_of(299, 30, 1.3);
       },
       0, 0},
      {"guessed the moment at that school",
       [](Behaviour& seen) {
         seen.opening_ms = 20;
         seen.neighbours = 300;
         seen.fast_neighbours = 12;
       },
       50, 50},
      {"one return met by chance", [](Behaviour& seen) { seen.returns = seen.fast_returns = 1; }, 1, 24},
      {"two of many met by chance",
       [](Behaviour& seen) {
         seen.returns = 20;
         seen.fast_returns = 2;
       },
       1, 24},
      {"a machine at the opening", [](Behaviour& seen) { seen.opening_ms = 9; }, 50, 50},
      {"a burst of twelve", [](Behaviour& seen) { seen.burst = 12; }, 75, 90},
      {"a timer", [](Behaviour& seen) { seen.rhythm = spread_of(20, 250, 0.02); }, 50, 74},
      {"a loop with random pauses, all day", [](Behaviour& seen) { seen.rhythm = spread_of(800, 300, 0.5); }, 50, 74},
      {"waits for returns", [](Behaviour& seen) { seen.returns = seen.fast_returns = 4; }, 75, 90},
      {"one of thirty accounts at the opening",
       [](Behaviour& seen) {
         seen.opening_ms = 9;
         seen.neighbours = 30;
         seen.fast_neighbours = 29;
       },
       75, 95},
      {"one of thirty accounts that take turns",
       [](Behaviour& seen) {
         seen.neighbours = 30;
         seen.newcomers = spread_of(29, 120, 0.07);
       },
       50, 74},
  };
  for (const auto& [who, make, least, most] : cases) {
    Behaviour seen = one_click();
    make(seen);
    const int score = behaviour_score(seen);
    EXPECT_GE(score, least) << who;
    EXPECT_LE(score, most) << who;
    EXPECT_EQ(behaviour_reasons(seen).empty(), score < 5) << who;
  }
}

/// Whoever does as Retry-After says has no gap below a second, and so no rhythm at all.
TEST(BehaviourTest, WhoDoesAsToldIsNoMachine) {
  Behaviour seen = one_click();
  seen.checkouts = 500;
  EXPECT_EQ(behaviour_score(seen), 0);
  EXPECT_GE(std::chrono::seconds(1), kRetryGapMin);
}

TEST(BehaviourTest, OneSignMoreNeverMakesItLower) {
  Behaviour seen = one_click();
  int before = 0;
  const std::vector<std::function<void()>> steps{[&] { seen.burst = 5; },
                                                 [&] { seen.opening_ms = 30; },
                                                 [&] { seen.rhythm = spread_of(40, 200, 0.03); },
                                                 [&] { seen.returns = seen.fast_returns = 2; },
                                                 [&] {
                                                   seen.neighbours = 10;
                                                   seen.fast_neighbours = 10;
                                                 },
                                                 [&] { seen.newcomers = spread_of(40, 100, 0.1); },
                                                 [&] { seen.burst = 1000; }};
  for (const auto& step : steps) {
    step();
    const int score = behaviour_score(seen);
    EXPECT_GE(score, before);
    before = score;
  }
  EXPECT_LE(before, 100);
  EXPECT_EQ(behaviour_reasons(seen).size(), 6U);
}

TEST(BehaviourTest, ReasonsAreWordsWithNumbers) {
  Behaviour seen = one_click();
  EXPECT_THAT(behaviour_reasons(seen), IsEmpty());
  seen.burst = 12;
  seen.burst_ms = 300;
  seen.opening_ms = 12;
  EXPECT_THAT(behaviour_reasons(seen), ElementsAre("12 checkouts within 300 ms", "a checkout 12 ms after the opening"));
  seen.rhythm = spread_of(20, 250, 0.02);
  EXPECT_THAT(behaviour_reasons(seen)[1],
              HasSubstr("20 repetitions 250 ms apart, as even as by a clock (variation 2 %)"));
}

TEST(BehaviourTest, SpreadIsThatOfAllNumbersHoweverTheyCame) {
  const std::vector<double> values{250, 240, 260, 900, 61, 250.5};
  Spread all, first, second;
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    all.add(values[i]);
    (i % 2 == 0 ? first : second).add(values[i]);
    sum += values[i];
  }
  const double mean = sum / static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  first.add(second);
  first.add(Spread());
  for (const auto& spread : {all, first}) {
    EXPECT_EQ(spread.count, values.size());
    EXPECT_NEAR(spread.mean, mean, 1e-9);
    EXPECT_NEAR(spread.variation(), std::sqrt(squares / 5) / mean, 1e-9);
  }
  EXPECT_EQ(Spread().variation(), 0);
}

TEST(BehaviourTest, TwoInstancesTogetherSeeOneCustomer) {
  const TimePoint at = from_unix_us(1'800'000'000'000'000);
  Behaviour here = one_click();
  here.checkouts = here.burst = 6;
  here.burst_ms = 80;
  here.burst_at = at;
  here.neighbours = 20;
  here.newcomers = spread_of(19, 100, 0.1);
  Behaviour there = one_click();
  there.checkouts = there.burst = 7;
  there.burst_ms = 90;
  there.burst_at = at + std::chrono::milliseconds(3);
  there.opening_ms = 8;
  there.neighbours = 10;
  there.fast_neighbours = 4;
  here.add(there);
  EXPECT_EQ(here.checkouts, 13U);
  EXPECT_EQ(here.burst, 13U);
  EXPECT_EQ(here.burst_ms, 90U);
  EXPECT_EQ(here.opening_ms, 8U);
  EXPECT_EQ(here.neighbours, 30U);
  EXPECT_EQ(here.fast_neighbours, 4U);
  EXPECT_EQ(here.newcomers, spread_of(19, 100, 0.1));

  // Bursts that were apart are two, of which the larger one counts.
  Behaviour later = there;
  later.burst_at = at + std::chrono::minutes(1);
  later.burst = 9;
  there.add(later);
  EXPECT_EQ(there.burst, 9U);
  EXPECT_EQ(there.burst_at, at + std::chrono::minutes(1));
}

TEST(BehaviourTest, BandsAreCutAtQuarters) {
  EXPECT_EQ(to_string(behaviour_band(0)), "low");
  EXPECT_EQ(to_string(behaviour_band(24)), "low");
  EXPECT_EQ(to_string(behaviour_band(25)), "some");
  EXPECT_EQ(to_string(behaviour_band(kUnlikePeople - 1)), "some");
  EXPECT_EQ(to_string(behaviour_band(kUnlikePeople)), "high");
  EXPECT_EQ(to_string(behaviour_band(75)), "very_high");
  EXPECT_EQ(to_string(behaviour_band(100)), "very_high");
}

}  // namespace
}  // namespace flashsale
