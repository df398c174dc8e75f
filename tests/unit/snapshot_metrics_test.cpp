#include "flashsale/catalog/snapshot_metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "pulse_sale.hpp"

namespace flashsale::catalog {
namespace {

std::shared_ptr<SaleSnapshot> sold(std::string id, std::size_t items, std::int64_t stock, std::int64_t remaining) {
  Sale sale = open_sale(items);
  sale.id = std::move(id);
  auto snapshot = std::make_shared<SaleSnapshot>();
  for (std::size_t i = 0; i < items; ++i) {
    sale.items[i].sku = "sku-" + std::to_string(i);
    sale.items[i].stock = stock;
    ItemLevels levels;
    levels.remaining = remaining;
    snapshot->levels.push_back(levels);
  }
  snapshot->sale = std::make_shared<const Sale>(std::move(sale));
  snapshot->known_levels = true;
  snapshot->clock = clock_at(kReading, {});
  return snapshot;
}

const prometheus::MetricFamily& family(const telemetry::Metrics::Families& families, const std::string& name) {
  const auto found = std::ranges::find(families, name, &prometheus::MetricFamily::name);
  EXPECT_NE(found, families.end()) << name;
  return *found;
}

std::string label(const prometheus::ClientMetric& metric, const std::string& name) {
  for (const auto& each : metric.label) {
    if (each.name == name) return each.value;
  }
  return "";
}

TEST(SnapshotMetricsTest, EachItemHasItsStockAndWhatRemains) {
  Snapshot snapshot;
  snapshot.sales = {sold("drop", 2, 100, 40)};
  telemetry::Metrics::Families families;
  add_item_metrics(snapshot, families);
  const auto& remaining = family(families, "flashsale_item_remaining_units").metric;
  ASSERT_EQ(remaining.size(), 2U);
  EXPECT_EQ(label(remaining[1], "sale"), "drop");
  EXPECT_EQ(label(remaining[1], "sku"), "sku-1");
  EXPECT_EQ(remaining[1].gauge.value, 40);
  EXPECT_EQ(family(families, "flashsale_item_stock_units").metric[0].gauge.value, 100);
  EXPECT_EQ(family(families, "flashsale_items_without_metrics").metric[0].gauge.value, 0);
}

TEST(SnapshotMetricsTest, ASaleWithoutLevelsIsLeftOut) {
  Snapshot snapshot;
  auto unknown = sold("drop", 2, 100, 40);
  unknown->known_levels = false;
  snapshot.sales = {unknown};
  telemetry::Metrics::Families families;
  add_item_metrics(snapshot, families);
  EXPECT_TRUE(family(families, "flashsale_item_stock_units").metric.empty());
}

TEST(SnapshotMetricsTest, RunningSalesComeFirstAndTheRestIsCounted) {
  Snapshot snapshot;
  auto over = sold("over", kItemsInMetricsMax, 1, 0);
  over->clock = clock_at(kReading + std::chrono::hours(2), {});
  snapshot.sales = {over, sold("running", 3, 10, 5)};
  telemetry::Metrics::Families families;
  add_item_metrics(snapshot, families);
  const auto& stock = family(families, "flashsale_item_stock_units").metric;
  ASSERT_EQ(stock.size(), kItemsInMetricsMax);
  EXPECT_EQ(label(stock[0], "sale"), "running");
  EXPECT_EQ(label(stock[3], "sale"), "over");
  EXPECT_EQ(family(families, "flashsale_items_without_metrics").metric[0].gauge.value, 3);
}

}  // namespace
}  // namespace flashsale::catalog
