#pragma once
#include <string_view>

#include "flashsale/api/route.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::api {

/// `GET /metrics`: plain Prometheus text, or OpenMetrics for whoever prefers that.
void add_metrics_route(Routes& routes, const telemetry::Metrics& metrics);

/// Whether a field Accept asks for OpenMetrics 1.0 at least as much as for plain text.
[[nodiscard]] bool prefers_open_metrics(std::string_view accept);

}  // namespace flashsale::api
