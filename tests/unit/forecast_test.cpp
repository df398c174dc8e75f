#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "flashsale/forecast/adaptation.hpp"
#include "flashsale/forecast/model.hpp"
#include "flashsale/forecast/sale_outlook.hpp"
#include "flashsale/forecast/sell_out.hpp"

namespace flashsale::forecast {
namespace {

/// The same at all levels.
ArrivalQuantiles steady(double rate) {
  ArrivalQuantiles arrivals{};
  for (auto& line : arrivals) line.fill(rate);
  return arrivals;
}

Conversion one_unit_each(int seconds) {
  Conversion conversion;
  for (int i = 0; i < seconds; ++i) conversion.add_second(100, 100);
  return conversion;
}

Prior prior_of(const nlohmann::json& vector) {
  Prior prior;
  if (vector.at("registrations") >= 0) prior.registrations = vector.at("registrations").get<std::int64_t>();
  const auto curve = vector.at("rehearsal").get<std::vector<double>>();
  if (curve.empty()) return prior;
  std::optional<std::int64_t> registrations;
  if (vector.at("rehearsal_registrations") >= 0) {
    registrations = vector.at("rehearsal_registrations").get<std::int64_t>();
  }
  prior.earlier = std::make_shared<const EarlierCurve>(curve, registrations);
  return prior;
}

void expect_same(const ArrivalQuantiles& said, const ArrivalQuantiles& expected, unsigned elapsed_s) {
  for (std::size_t target = 0; target < said.size(); ++target) {
    for (std::size_t i = 0; i < kLevels.size(); ++i) {
      const double value = expected[target][i];
      EXPECT_NEAR(said[target][i], value, 1e-6 * (1 + std::abs(value)))
          << kTargets[target] << ' ' << kLevels[i] << " after " << elapsed_s << " s";
    }
  }
}

TEST(ForecastTest, SaysWhatTheFittedModelSaid) {
  std::ifstream file(FLASHSALE_SOURCE_DIR "/tests/unit/forecast_vectors.json");
  const auto vectors = nlohmann::json::parse(file);
  ASSERT_GT(vectors.size(), 50U);
  for (const auto& vector : vectors) {
    SaleOutlook outlook(prior_of(vector));
    for (const double count : vector.at("arrivals").get<std::vector<double>>()) outlook.add_second(count, {});
    const auto& history = outlook.history();
    const auto said = Model::built_in().look_ahead(history, prior_of(vector));
    expect_same(said, vector.at("quantiles").get<ArrivalQuantiles>(), history.elapsed_s());
    const auto told = outlook.look().arrivals;
    if (told) expect_same(*told, vector.at("adapted").get<ArrivalQuantiles>(), history.elapsed_s());
  }
}

TEST(ForecastTest, QuantilesRise) {
  ArrivalHistory history;
  for (int second = 0; second < 300; ++second) {
    history.add_second(second % 37 == 0 ? 5000 : 3);
    for (const auto& line : Model::built_in().look_ahead(history, {})) {
      EXPECT_TRUE(std::ranges::is_sorted(line));
      EXPECT_GE(line.front(), 0);
    }
  }
}

TEST(ForecastTest, CoefficientsOfAnotherProgramAreRefused) {
  std::ifstream file(FLASHSALE_SOURCE_DIR "/src/forecast/coefficients.json");
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(Model::parse(whole));
  EXPECT_FALSE(Model::parse(""));
  EXPECT_FALSE(Model::parse("[]"));
  EXPECT_FALSE(Model::parse("{}"));
  const auto without = [&](const std::string& member, const nlohmann::json& value) {
    auto json = nlohmann::json::parse(whole);
    json[member] = value;
    return json.dump();
  };
  EXPECT_FALSE(Model::parse(without("version", 2)));
  EXPECT_FALSE(Model::parse(without("features", nlohmann::json::array({"level"}))));
  EXPECT_FALSE(Model::parse(without("levels", nlohmann::json::array({0.5}))));
  EXPECT_FALSE(Model::parse(without("hidden", nlohmann::json::array())));
  EXPECT_FALSE(Model::parse(without("bias", "none")));
}

TEST(ForecastTest, SaysSoWhenItKnowsTooLittle) {
  SaleOutlook outlook({});
  const std::vector<std::int64_t> remaining{1000};
  EXPECT_FALSE(outlook.look().arrivals);
  outlook.add_second(10'000, remaining);
  outlook.add_second(10'000, remaining);
  EXPECT_FALSE(outlook.look().arrivals);
  outlook.add_second(10'000, remaining);
  EXPECT_TRUE(outlook.look().arrivals);
  // Nobody bought yet.
  EXPECT_FALSE(outlook.look().sell_outs.at(0));

  SaleOutlook quiet({});
  for (int i = 0; i < 19; ++i) quiet.add_second(1, remaining);
  EXPECT_FALSE(quiet.look().arrivals);
  quiet.add_second(1, remaining);
  EXPECT_TRUE(quiet.look().arrivals);
}

TEST(ForecastTest, RegistrationsAndARehearsalAreEnoughBeforeAnybodyComes) {
  Prior prior;
  prior.earlier = std::make_shared<const EarlierCurve>(std::vector<double>(200, 50.0), 1000);
  EXPECT_FALSE(knows_enough({}, prior));
  prior.registrations = 10'000;
  EXPECT_TRUE(knows_enough({}, prior));
  // Ten times as many as in the rehearsal have registered.
  const auto said = Model::built_in().look_ahead({}, prior);
  EXPECT_GT(said[1][kMiddle], 100);
  EXPECT_LT(said[1][kMiddle], 2500);
}

TEST(ForecastTest, FollowsACrowdThatComesEvenly) {
  SaleOutlook outlook({});
  std::int64_t left = 1'000'000;
  for (int i = 0; i < 60; ++i) outlook.add_second(1000, std::vector<std::int64_t>{left -= 500});
  const auto said = outlook.look();
  ASSERT_TRUE(said.arrivals);
  EXPECT_NEAR((*said.arrivals)[0][kLow], 1000, 50);
  EXPECT_NEAR((*said.arrivals)[0][kMiddle], 1000, 10);
  EXPECT_NEAR((*said.arrivals)[0][kHigh], 1000, 50);
  // All that the model has learnt from ebbs, so it expects less. The side that is missed goes out to where they come.
  EXPECT_LT((*said.arrivals)[1][kLow], 1000);
  EXPECT_GT((*said.arrivals)[1][kHigh], 800);
  ASSERT_TRUE(said.sell_outs.at(0));
  EXPECT_FALSE(said.sell_outs[0]->earliest_s);  // half an hour
}

/// At each level so many times the level; what is told after so many seconds in each of which so many came.
ArrivalQuantiles told_after(double times, double arrivals, int seconds) {
  ArrivalQuantiles said{};
  for (auto& line : said) {
    for (std::size_t i = 0; i < line.size(); ++i) line[i] = times * kLevels[i];
  }
  Adaptation adaptation;
  ArrivalQuantiles told = adaptation.tell(said);
  for (int i = 0; i < seconds; ++i) {
    adaptation.add_second(arrivals);
    told = adaptation.tell(said);
    for (const auto& line : told) EXPECT_TRUE(std::ranges::is_sorted(line));
  }
  return told;
}

TEST(AdaptationTest, ASideThatIsMissedGoesOutAndOneThatIsNotComesIn) {
  EXPECT_NEAR(told_after(100, 1000, 0)[1][kHigh], 90, 1e-9);
  const auto missed = told_after(100, 1000, 30);
  EXPECT_GT(missed[1][kHigh], 500);
  EXPECT_GT(missed[1][kLow], 10);
  EXPECT_GT(missed[2][kHigh], 200) << "a longer horizon, of which nothing came true yet";
  const auto held = told_after(100, 50, 200);
  EXPECT_LT(held[2][kHigh], 75);
  EXPECT_GT(held[2][kLow], 15);
  EXPECT_NEAR(held[2][kMiddle], 50, 1e-9);
}

TEST(AdaptationTest, WhatLiesAheadIsMovedByWhatTheMedianWasOff) {
  const auto told = told_after(100, 1000, 30);
  EXPECT_GT(told[1][kMiddle], 100);
  EXPECT_GT(told[2][kMiddle], 60);
  EXPECT_LT(told[2][kMiddle], told[1][kMiddle]);
  EXPECT_LT(told_after(100, 5, 30)[1][kMiddle], 40);
}

TEST(AdaptationTest, AWideIntervalThatIsMissedDoesNotRunAway) {
  const auto told = told_after(1e4, 1e9, 300);
  for (const auto& line : told) EXPECT_LT(line[kHigh], 2e9);
  for (const std::size_t target : {1U, 2U, 3U}) EXPECT_LT(told[target][kHigh], 1e6);
}

TEST(NextSecondTest, IsToldByTheLevelThatIsThereWhereTheModelIsFarOff) {
  const auto told = told_after(100, 1000, 30);
  EXPECT_NEAR(told[0][kMiddle], 1000, 10);
  EXPECT_GT(told[0][kLow], 900);
  EXPECT_LT(told[0][kHigh], 1200);
}

TEST(NextSecondTest, IsToldByTheModelWhereThatIsNearer) {
  Adaptation adaptation;
  ArrivalQuantiles told = adaptation.tell(steady(10));
  for (int second = 0; second < 41; ++second) {
    adaptation.add_second(second % 2 == 0 ? 10 : 1000);
    told = adaptation.tell(steady(second % 2 == 0 ? 1000 : 10));
  }
  EXPECT_NEAR(told[0][kMiddle], 1000, 20);
}

TEST(SellOutTest, FollowsFromArrivalsAndWhatTheyTake) {
  const auto said = sell_out_of(500, one_unit_each(60), steady(100));
  ASSERT_TRUE(said && said->expected_s && said->earliest_s && said->latest_s);
  EXPECT_NEAR(*said->expected_s, 5, 1e-9);
  EXPECT_LT(*said->earliest_s, 5);
  EXPECT_GT(*said->latest_s, 5);
  EXPECT_EQ(sell_out_of(0, one_unit_each(60), steady(100))->latest_s, 0);
}

TEST(SellOutTest, IsLaterThanTheHorizonOrUnknown) {
  const auto later = sell_out_of(100'000, one_unit_each(60), steady(100));
  ASSERT_TRUE(later);
  EXPECT_FALSE(later->earliest_s || later->expected_s || later->latest_s);
  EXPECT_FALSE(sell_out_of(5, Conversion(), steady(100)));
  Conversion nobody_buys;
  for (int i = 0; i < 60; ++i) nobody_buys.add_second(100, 0);
  EXPECT_FALSE(sell_out_of(5, nobody_buys, steady(100)));
}

TEST(SellOutTest, UnitsThatComeBackAreNoSales) {
  SaleOutlook outlook({});
  for (int i = 0; i < 10; ++i) outlook.add_second(100, std::vector<std::int64_t>{1000 + i});
  EXPECT_FALSE(outlook.look().sell_outs.at(0));
}

TEST(ArrivalHistoryTest, KeepsPeakBurstsAndTheNewestSeconds) {
  ArrivalHistory history;
  for (int second = 1; second <= 60; ++second) history.add_second(second % 20 == 0 ? 500 : 10);
  EXPECT_EQ(history.elapsed_s(), 60U);
  EXPECT_EQ(history.peak(), 500);
  EXPECT_EQ(history.since_peak_s(), 40);  // the first of three that are alike
  EXPECT_EQ(history.since_burst_s(), 0);
  EXPECT_EQ(history.burst_gap_s(), 20);
  EXPECT_EQ(history.most_of_newest(), 500);
  EXPECT_EQ(history.least_of_newest(), 10);
  EXPECT_EQ(history.opening(), 30);
  EXPECT_EQ(history.last(), 500);
}

TEST(EarlierCurveTest, NothingComesAfterItsEnd) {
  const EarlierCurve curve({1, 2, 3});
  EXPECT_EQ(curve.total(2), 3);
  EXPECT_EQ(curve.total(100), 6);
  EXPECT_EQ(curve.rate(1, 2), 2.5);
  EXPECT_EQ(curve.rate(3, 10), 0);
  EXPECT_EQ(curve.peak(0, 60), 3);
  EXPECT_EQ(EarlierCurve({}).total(5), 0);
}

}  // namespace
}  // namespace flashsale::forecast
