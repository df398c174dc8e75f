#include "flashsale/catalog/snapshot_metrics.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "flashsale/telemetry/gauge_family.hpp"

namespace flashsale::catalog {
namespace {

using telemetry::gauge_family;

void add(prometheus::MetricFamily& family, const Sale& sale, const Item& item, std::int64_t units) {
  telemetry::add_gauge(family, {{"sale", sale.id}, {"sku", item.sku}}, static_cast<double>(units));
}

bool is_running(const SaleSnapshot& sale) {
  return effective_state(sale.sale->state, sale.sale->starts_at, sale.sale->ends_at, sale.clock.reading) ==
         SaleState::open;
}

}  // namespace

void add_item_metrics(const Snapshot& snapshot, telemetry::Metrics::Families& families) {
  auto stock = gauge_family("flashsale_item_stock_units", "Units of an item that its sale has, sold ones included.");
  auto remaining = gauge_family("flashsale_item_remaining_units", "Units of an item that can be bought now.");
  auto known = gauge_family("flashsale_sales", "Sales that are in Redis or are to be: what a failover rebuilds.");
  auto left_out = gauge_family("flashsale_items_without_metrics", "Items that have no series of their own.");
  auto sales = snapshot.sales;
  std::stable_partition(sales.begin(), sales.end(), [](const auto& sale) { return is_running(*sale); });
  std::size_t items = 0;
  std::size_t kept = 0;
  for (const auto& sale : sales) {
    if (sale->sale->let_go) continue;
    ++kept;
    if (!sale->known_levels) continue;
    for (std::size_t i = 0; i < sale->levels.size(); ++i) {
      if (++items > kItemsInMetricsMax) continue;
      const auto& item = sale->sale->items[i];
      add(stock, *sale->sale, item, item.stock);
      add(remaining, *sale->sale, item, sale->levels[i].remaining);
    }
  }
  prometheus::ClientMetric more;
  more.gauge.value = static_cast<double>(items > kItemsInMetricsMax ? items - kItemsInMetricsMax : 0);
  left_out.metric.push_back(std::move(more));
  prometheus::ClientMetric sales_kept;
  sales_kept.gauge.value = static_cast<double>(kept);
  known.metric.push_back(std::move(sales_kept));
  families.push_back(std::move(known));
  families.push_back(std::move(stock));
  families.push_back(std::move(remaining));
  families.push_back(std::move(left_out));
}

}  // namespace flashsale::catalog
