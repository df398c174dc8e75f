#include "api/ops_document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pulse_sale.hpp"

namespace flashsale::api {
namespace {

using namespace std::chrono_literals;
using catalog::kReading;
using nlohmann::json;

class OpsDocumentTest : public ::testing::Test {
 protected:
  OpsDocumentTest() { add(catalog::open_sale(2)); }

  void add(Sale definition) {
    auto one = std::make_shared<catalog::SaleSnapshot>();
    one->serving = true;
    one->known_levels = true;
    one->clock = catalog::clock_at(kReading, taken_at_);
    one->levels.resize(definition.items.size());
    one->sale = std::make_shared<const Sale>(std::move(definition));
    sales_.push_back(one);
  }
  OpsReading reading() const {
    auto snapshot = std::make_shared<catalog::Snapshot>();
    auto index = std::make_shared<catalog::Index>();
    for (const auto& one : sales_) {
      index->numbers[one->sale->sale_no] = snapshot->sales.size();
      snapshot->sales.push_back(std::make_shared<const catalog::SaleSnapshot>(*one));
    }
    snapshot->index = index;
    OpsReading made;
    made.at = kReading;
    made.taken_at = taken_at_;
    made.snapshot = snapshot;
    return made;
  }
  void pass(std::chrono::seconds time) {
    taken_at_ += time;
    for (const auto& one : sales_) one->clock = catalog::clock_at(one->clock.reading + time, taken_at_);
  }
  static json document(const std::optional<OpsReading>& before, const OpsReading& now) {
    return json::parse(ops_document("host/1", before, now));
  }

  catalog::SteadyTime taken_at_ = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<catalog::SaleSnapshot>> sales_;
};

TEST_F(OpsDocumentTest, TheFirstHasNoRates) {
  const auto shown = document({}, reading());
  EXPECT_EQ(shown["instance"], "host/1");
  EXPECT_TRUE(shown["seconds"].is_null());
  EXPECT_TRUE(shown["checkouts"]["a_second"].is_null());
  EXPECT_TRUE(shown["checkouts"]["latency_ms"]["p99"].is_null());
  EXPECT_TRUE(shown["sales"][0]["orders_a_second"].is_null());
  EXPECT_EQ(shown["checkouts"]["outcomes"].size(), checkout::kPlacementOutcomes.size());
}

TEST_F(OpsDocumentTest, RatesAreOfTheTimeThatHasPassed) {
  auto before = reading();
  before.checkout_seconds = {{0.1, 0.2}, {0, 0}};
  before.outcomes[static_cast<std::size_t>(checkout::PlacementOutcome::sold_out)] = 5;
  pass(2s);
  sales_[0]->order_records = 30;
  auto now = reading();
  now.checkout_seconds = {{0.1, 0.2}, {0, 10}};
  now.outcomes[static_cast<std::size_t>(checkout::PlacementOutcome::sold_out)] = 25;
  const auto shown = document(before, now);
  EXPECT_DOUBLE_EQ(shown["seconds"].get<double>(), 2);
  EXPECT_DOUBLE_EQ(shown["checkouts"]["a_second"].get<double>(), 5);
  EXPECT_DOUBLE_EQ(shown["checkouts"]["latency_ms"]["p50"].get<double>(), 150);
  const auto& sold_out = shown["checkouts"]["outcomes"]["sold_out"];
  EXPECT_EQ(sold_out["total"], 25);
  EXPECT_DOUBLE_EQ(sold_out["a_second"].get<double>(), 10);
  EXPECT_EQ(sold_out["refusal"], true);
  EXPECT_EQ(shown["checkouts"]["outcomes"]["committed"]["refusal"], false);
  EXPECT_EQ(shown["sales"][0]["orders"], 30);
  EXPECT_DOUBLE_EQ(shown["sales"][0]["orders_a_second"].get<double>(), 15);
}

TEST_F(OpsDocumentTest, OrdersOfAnotherEpochAreNoRate) {
  const auto before = reading();
  pass(1s);
  auto rebuilt = *sales_[0]->sale;
  ++rebuilt.epoch;
  sales_[0]->sale = std::make_shared<const Sale>(rebuilt);
  sales_[0]->order_records = 1000;
  EXPECT_TRUE(document(before, reading())["sales"][0]["orders_a_second"].is_null());
}

TEST_F(OpsDocumentTest, ItemsShowWhatIsLeft) {
  auto sale = *sales_[0]->sale;
  sale.items[0].sku = "shoe";
  sale.items[0].name = "A \"shoe\"";
  sale.items[0].stock = 100;
  sale.items[0].sold = 70;
  sales_[0]->sale = std::make_shared<const Sale>(sale);
  sales_[0]->levels[0].remaining = 12;
  auto item = document({}, reading())["sales"][0]["items"][0];
  EXPECT_EQ(item, (json{{"sku", "shoe"}, {"name", "A \"shoe\""}, {"stock", 100}, {"remaining", 12}, {"held", false}}));
  sales_[0]->known_levels = false;
  item = document({}, reading())["sales"][0]["items"][0];
  EXPECT_EQ(item["remaining"], 30) << "before the first pulse it is what PostgreSQL has";
}

TEST_F(OpsDocumentTest, WhatStillSellsComesFirstAndMuchIsLeftOut) {
  auto over = catalog::open_sale(1);
  for (int i = 2; i <= 40; ++i) {
    over.sale_no = i;
    over.id = "over-" + std::to_string(i);
    over.created_at = kReading - 2h + std::chrono::seconds(i);
    over.state = SaleState::closed;
    add(over);
  }
  over.let_go = true;
  over.sale_no = 41;
  add(over);
  auto large = catalog::open_sale(kOpsItemsMax + 3);
  large.sale_no = 42;
  large.id = "large";
  large.starts_at += 1min;
  add(large);
  const auto shown = document({}, reading());
  ASSERT_EQ(shown["sales"].size(), kOpsSalesMax);
  EXPECT_EQ(shown["sales"][0]["id"], "large");
  EXPECT_EQ(shown["sales"][0]["items"].size(), kOpsItemsMax);
  EXPECT_EQ(shown["sales"][0]["items_left_out"], 3);
  EXPECT_EQ(shown["sales"][1]["id"], "sale");
  EXPECT_EQ(shown["sales"][1]["items_left_out"], 2);
  EXPECT_EQ(shown["sales"][2]["id"], "over-40");
  EXPECT_EQ(shown["sales_left_out"], 41 - kOpsSalesMax);
}

TEST_F(OpsDocumentTest, TheSaleOfTheMomentComesFirst) {
  struct Made {
    const char* id;
    std::chrono::minutes starts_in;
    SaleState state = SaleState::scheduled;
    bool is_draft = false;
  };
  // "sale", which is there, opened an hour ago; the last to be made stands last.
  std::int32_t sale_no = 100;  // drawn by chance: it says nothing
  for (const auto& [id, starts_in, state, is_draft] :
       {Made{"just opened", -1min}, Made{"opened with it", -1min}, Made{"paused", -10min, SaleState::paused},
        Made{"closed", -2min, SaleState::closed}, Made{"tomorrow", 1440min}, Made{"draft", -5min, {}, true},
        Made{"in a minute", 1min}, Made{"over", -300min}, Made{"over before", -400min}}) {
    auto sale = catalog::open_sale(1);
    sale.sale_no = --sale_no;
    sale.created_at = kReading - 2h + std::chrono::seconds(100 - sale_no);
    sale.id = id;
    sale.starts_at = kReading + starts_in;
    sale.ends_at = sale.starts_at + 2h;
    sale.state = state;
    sale.is_draft = is_draft;
    add(sale);
  }
  const auto shown = document({}, reading());
  std::vector<std::string> ids;
  for (const auto& one : shown["sales"]) ids.push_back(one["id"]);
  EXPECT_THAT(ids, testing::ElementsAre("just opened", "opened with it", "paused", "sale", "in a minute", "tomorrow",
                                        "draft", "closed", "over", "over before"));
}

TEST_F(OpsDocumentTest, TheForecastIsOfItsSale) {
  auto now = reading();
  EXPECT_TRUE(document({}, now)["sales"][0]["forecast"].is_null());
  admin::SaleForecast forecast{sales_[0]->sale, kReading, {}};
  now.forecasts = std::make_shared<const admin::Forecasts>(admin::Forecasts{forecast});
  auto shown = document({}, now)["sales"][0]["forecast"];
  EXPECT_EQ(shown["elapsed_s"], 0);
  EXPECT_TRUE(shown["arrivals_a_second"].is_null()) << "too little is known";
  ASSERT_EQ(shown["sell_outs"].size(), 2U);
  EXPECT_TRUE(shown["sell_outs"][1]["in_s"].is_null());

  forecast.outlook.elapsed_s = 12;
  forecast.outlook.arrivals.emplace();
  forecast.outlook.arrivals->back()[forecast::kHigh] = 1234.56;
  forecast.outlook.sell_outs = {forecast::SellOut{1.0, 2.5, std::nullopt}, std::nullopt};
  now.forecasts = std::make_shared<const admin::Forecasts>(admin::Forecasts{forecast});
  shown = document({}, now)["sales"][0]["forecast"];
  EXPECT_EQ(shown["elapsed_s"], 12);
  EXPECT_EQ(shown["arrivals_a_second"]["peak_60s"], (json{{"low", 0.0}, {"middle", 0.0}, {"high", 1234.6}}));
  EXPECT_EQ(shown["arrivals_a_second"].size(), 4U);
  EXPECT_EQ(shown["sell_outs"][0]["in_s"], (json{{"earliest", 1.0}, {"expected", 2.5}, {"latest", nullptr}}));
  EXPECT_TRUE(shown["sell_outs"][1]["in_s"].is_null());
}

TEST_F(OpsDocumentTest, EventsAreUnknownUntilTheyAreRead) {
  auto now = reading();
  now.has_events = true;
  EXPECT_TRUE(document({}, now)["events"]["last_position"].is_null());
  postgres::EventSink behind;
  behind.name = "kafka";
  behind.position = 40;
  behind.last_error = "refused";
  postgres::EventSink gone;
  gone.name = "gone";
  gone.is_active = false;
  now.events = EventsReading{42, {behind, gone}, {{"kafka", 2, 7.5}}};
  const auto events = document({}, now)["events"];
  EXPECT_EQ(events["last_position"], 42);
  EXPECT_EQ(events["sinks"], json::array({{{"name", "kafka"}, {"lag", 2}, {"oldest_age_s", 7.5}, {"failing", true}}}));
}

TEST_F(OpsDocumentTest, FailingPartsAreNamed) {
  auto now = reading();
  EXPECT_EQ(document({}, now)["health"]["failing"], json::array());
  now.failing_parts = {"redis", "postgres"};
  EXPECT_EQ(document({}, now)["health"]["failing"], json::array({"redis", "postgres"}));
}

}  // namespace
}  // namespace flashsale::api
