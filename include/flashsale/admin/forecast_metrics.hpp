#pragma once
#include <cstddef>
#include <cstdint>

#include "flashsale/admin/forecasts.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::admin {

/// So many items have a series of their sell-out.
inline constexpr std::size_t kForecastItemsMax = 100;

/// Adds what is said of open sales, and what an instance can take, for whoever starts and stops instances. A sale has
/// its series while it is open.
void add_forecast_metrics(const Forecasts& forecasts, std::uint32_t instance_capacity_per_s,
                          telemetry::Metrics::Families& families);

}  // namespace flashsale::admin
