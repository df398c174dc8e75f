#pragma once
#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "exemplars.hpp"

namespace flashsale::telemetry {

/// The families as OpenMetrics 1.0 text, with exemplars. `le` is written as in the plain text format: Prometheus takes
/// series whose label differs for other ones, and rules name them.
[[nodiscard]] std::string open_metrics_text(const std::vector<prometheus::MetricFamily>& families,
                                            const Exemplars& exemplars);

}  // namespace flashsale::telemetry
