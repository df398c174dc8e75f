#include "flashsale/admin/forecast_metrics.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flashsale/telemetry/gauge_family.hpp"

namespace flashsale::admin {
namespace {

using forecast::kTargets;
using telemetry::add_gauge;
using telemetry::gauge_family;

// In the order of the targets, and of an interval's ends.
constexpr std::array<const char*, kTargets.size()> kHorizons{"1s", "10s", "60s", "peak_60s"};
constexpr std::array kShownLevels{std::pair{"0.1", forecast::kLow}, std::pair{"0.5", forecast::kMiddle},
                                  std::pair{"0.9", forecast::kHigh}};

void add_arrivals(prometheus::MetricFamily& family, const std::string& sale, const forecast::ArrivalQuantiles& said) {
  for (std::size_t target = 0; target < said.size(); ++target) {
    for (const auto& [level, place] : kShownLevels) {
      add_gauge(family, {{"sale", sale}, {"horizon", kHorizons[target]}, {"level", level}}, said[target][place]);
    }
  }
}

void add_sell_out(prometheus::MetricFamily& family, const std::string& sale, const std::string& sku,
                  const forecast::SellOut& said) {
  // Later than anything is said of.
  const auto seconds = [](const std::optional<double>& moment) {
    return moment.value_or(std::numeric_limits<double>::infinity());
  };
  add_gauge(family, {{"sale", sale}, {"sku", sku}, {"level", "0.1"}}, seconds(said.earliest_s));
  add_gauge(family, {{"sale", sale}, {"sku", sku}, {"level", "0.5"}}, seconds(said.expected_s));
  add_gauge(family, {{"sale", sale}, {"sku", sku}, {"level", "0.9"}}, seconds(said.latest_s));
}

}  // namespace

void add_forecast_metrics(const Forecasts& forecasts, std::uint32_t instance_capacity_per_s,
                          telemetry::Metrics::Families& families) {
  auto known = gauge_family("flashsale_forecast_known", "1 when enough is known of an open sale to say what comes.");
  auto arrivals = gauge_family("flashsale_forecast_arrivals_per_second",
                               "Checkouts a second that are to come, of all instances; less come with this chance.");
  auto sell_out = gauge_family("flashsale_forecast_sell_out_seconds",
                               "Seconds until an item is sold out; it is sooner with this chance.");
  auto capacity = gauge_family("flashsale_instance_capacity_checkouts_per_second",
                               "What one instance is taken to serve (forecast.instance_capacity_per_s).");
  std::size_t items = 0;
  for (const auto& one : forecasts) {
    const auto& said = one.outlook;
    add_gauge(known, {{"sale", one.sale->id}}, said.arrivals ? 1 : 0);
    if (!said.arrivals) continue;
    add_arrivals(arrivals, one.sale->id, *said.arrivals);
    for (std::size_t i = 0; i < std::min(said.sell_outs.size(), one.sale->items.size()); ++i) {
      if (!said.sell_outs[i] || ++items > kForecastItemsMax) continue;
      add_sell_out(sell_out, one.sale->id, one.sale->items[i].sku, *said.sell_outs[i]);
    }
  }
  add_gauge(capacity, {}, instance_capacity_per_s);
  families.push_back(std::move(known));
  families.push_back(std::move(arrivals));
  families.push_back(std::move(sell_out));
  families.push_back(std::move(capacity));
}

}  // namespace flashsale::admin
