#pragma once
#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace flashsale::telemetry {

/// A family of gauges for what is read when somebody asks (Metrics::on_serialize); it has no series yet.
[[nodiscard]] prometheus::MetricFamily gauge_family(std::string name, std::string help);

/// One series of it, with its value.
void add_gauge(prometheus::MetricFamily& family, std::vector<prometheus::ClientMetric::Label> labels, double value);

}  // namespace flashsale::telemetry
