#include "failing_parts.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace flashsale::app {

void add_failing_parts(const std::vector<std::string_view>& failing, telemetry::Metrics::Families& families) {
  prometheus::MetricFamily family;
  family.name = "flashsale_failing";
  family.help = "1 while this part keeps the instance from selling, as /readyz says.";
  family.type = prometheus::MetricType::Gauge;
  for (const std::string_view part : part::kAll) {
    prometheus::ClientMetric metric;
    metric.label = {{"part", std::string(part)}};
    metric.gauge.value = std::ranges::find(failing, part) == failing.end() ? 0 : 1;
    family.metric.push_back(std::move(metric));
  }
  families.push_back(std::move(family));
}

}  // namespace flashsale::app
