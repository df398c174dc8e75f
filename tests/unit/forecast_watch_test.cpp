#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "admin/sale_curves.hpp"
#include "flashsale/admin/forecast_metrics.hpp"
#include "pulse_sale.hpp"

namespace flashsale::admin {
namespace {

using catalog::kReading;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

catalog::Snapshot snapshot_of(const std::vector<Sale>& sales) {
  catalog::Snapshot snapshot;
  for (const auto& sale : sales) {
    snapshot.sales.push_back(std::make_shared<const catalog::SaleSnapshot>(catalog::served(sale)));
  }
  return snapshot;
}

/// One that began so many hours before kReading and is over by its times.
Sale past_sale(std::int32_t sale_no, int hours_ago) {
  Sale sale = catalog::open_sale(1);
  sale.sale_no = sale_no;
  sale.starts_at = kReading - std::chrono::hours(hours_ago);
  sale.ends_at = sale.starts_at + std::chrono::minutes(30);
  return sale;
}

TEST(EarlierSalesTest, TheLastOneThatIsOverComesFirst) {
  const auto sale = catalog::open_sale(1);
  const auto snapshot = snapshot_of({past_sale(11, 90), past_sale(12, 30), past_sale(13, 60), sale});
  EXPECT_THAT(earlier_sales(snapshot, sale, kReading), ElementsAre(12, 13, 11));
}

TEST(EarlierSalesTest, OfSalesThatBeginAtOnceTheNewestOneComesFirst) {
  const auto sale = catalog::open_sale(1);
  const auto snapshot = snapshot_of({past_sale(11, 30), past_sale(12, 30), sale});
  EXPECT_THAT(earlier_sales(snapshot, sale, kReading), ElementsAre(12, 11));
}

TEST(EarlierSalesTest, OneThatStillRunsTellsNothingUnlessItIsARehearsal) {
  const auto sale = catalog::open_sale(1);
  auto beside = sale;
  beside.sale_no = 2;
  auto rehearsal = sale;
  rehearsal.sale_no = 3;
  rehearsal.rehearsal = true;
  auto later = past_sale(4, -5);
  later.state = SaleState::closed;
  EXPECT_THAT(earlier_sales(snapshot_of({sale, beside, rehearsal, later}), sale, kReading), ElementsAre(3));
  EXPECT_THAT(earlier_sales(snapshot_of({sale}), sale, kReading), IsEmpty());
}

TEST(EarlierSalesTest, OnlyAFewAreAskedAbout) {
  const auto sale = catalog::open_sale(1);
  std::vector<Sale> sales{sale};
  for (int i = 0; i < 100; ++i) sales.push_back(past_sale(100 + i, 50 + i));
  EXPECT_EQ(earlier_sales(snapshot_of(sales), sale, kReading).size(), 4U);
}

class ForecastMetricsTest : public ::testing::Test {
 protected:
  static SaleForecast forecast_of(std::size_t items, bool is_known) {
    auto sale = catalog::open_sale(items);
    for (std::size_t i = 0; i < items; ++i) sale.items[i].sku = "sku-" + std::to_string(i);
    SaleForecast made{std::make_shared<const Sale>(sale), kReading, {}};
    if (!is_known) return made;
    forecast::ArrivalQuantiles said{};
    for (std::size_t target = 0; target < said.size(); ++target) {
      for (std::size_t i = 0; i < said[target].size(); ++i) said[target][i] = static_cast<double>(100 * target + i);
    }
    made.outlook.arrivals = said;
    made.outlook.sell_outs.assign(items, forecast::SellOut{5.0, 9.5, std::nullopt});
    return made;
  }
  static const prometheus::MetricFamily& family(const telemetry::Metrics::Families& families, const std::string& name) {
    const auto found = std::ranges::find(families, name, &prometheus::MetricFamily::name);
    EXPECT_NE(found, families.end()) << name;
    return *found;
  }
  static double value(const prometheus::MetricFamily& family, const std::vector<std::string>& labels) {
    for (const auto& metric : family.metric) {
      std::vector<std::string> found;
      for (const auto& label : metric.label) found.push_back(label.value);
      if (found == labels) return metric.gauge.value;
    }
    ADD_FAILURE() << "no such series in " << family.name;
    return 0;
  }
};

TEST_F(ForecastMetricsTest, AnIntervalIsThreeSeries) {
  telemetry::Metrics::Families families;
  add_forecast_metrics({forecast_of(1, true)}, 1234, families);
  const auto& arrivals = family(families, "flashsale_forecast_arrivals_per_second");
  EXPECT_EQ(arrivals.metric.size(), 12U);
  EXPECT_EQ(value(arrivals, {"sale", "1s", "0.1"}), 1);
  EXPECT_EQ(value(arrivals, {"sale", "10s", "0.5"}), 105);
  EXPECT_EQ(value(arrivals, {"sale", "peak_60s", "0.9"}), 309);
  const auto& sell_out = family(families, "flashsale_forecast_sell_out_seconds");
  EXPECT_EQ(value(sell_out, {"sale", "sku-0", "0.1"}), 5);
  EXPECT_EQ(value(sell_out, {"sale", "sku-0", "0.9"}), std::numeric_limits<double>::infinity());
  EXPECT_EQ(value(family(families, "flashsale_forecast_known"), {"sale"}), 1);
  EXPECT_EQ(value(family(families, "flashsale_instance_capacity_checkouts_per_second"), {}), 1234);
}

TEST_F(ForecastMetricsTest, WhereTooLittleIsKnownThereIsNoNumber) {
  telemetry::Metrics::Families families;
  add_forecast_metrics({forecast_of(2, false)}, 1, families);
  EXPECT_EQ(value(family(families, "flashsale_forecast_known"), {"sale"}), 0);
  EXPECT_TRUE(family(families, "flashsale_forecast_arrivals_per_second").metric.empty());
  EXPECT_TRUE(family(families, "flashsale_forecast_sell_out_seconds").metric.empty());
}

TEST_F(ForecastMetricsTest, ItemsHaveABound) {
  telemetry::Metrics::Families families;
  add_forecast_metrics({forecast_of(kForecastItemsMax - 1, true), forecast_of(5, true)}, 1, families);
  EXPECT_EQ(family(families, "flashsale_forecast_sell_out_seconds").metric.size(), 3 * kForecastItemsMax);
}

}  // namespace
}  // namespace flashsale::admin
