#include "metrics_endpoint.hpp"

#include <algorithm>
#include <string>

#include "flashsale/api/exchange.hpp"
#include "weighted_list.hpp"

namespace flashsale::api {
namespace {

constexpr std::string_view kPlain = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kOpenMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";

bool is_of_our_version(const WeightedValue& wanted) {
  return std::ranges::all_of(wanted.parameters, [](const auto& parameter) {
    return parameter.first != "version" || parameter.second == "1.0.0";
  });
}

}  // namespace

bool prefers_open_metrics(std::string_view accept) {
  double open_metrics = 0;
  double plain = 0;
  for (const auto& wanted : parse_weighted_list(accept)) {
    if (wanted.value == "application/openmetrics-text" && is_of_our_version(wanted)) {
      open_metrics = std::max(open_metrics, wanted.weight);
    }
    if (wanted.value == "text/plain") plain = std::max(plain, wanted.weight);
  }
  return open_metrics > 0 && open_metrics >= plain;
}

void add_metrics_route(Routes& routes, const telemetry::Metrics& metrics) {
  routes.push_back({Method::get, "/metrics", [&metrics](Exchange& exchange) {
                      if (prefers_open_metrics(exchange.request().header(Header::accept))) {
                        return exchange.reply({200, kOpenMetrics, metrics.serialize_open_metrics(), {}});
                      }
                      exchange.reply({200, kPlain, metrics.serialize(), {}});
                    }});
}

}  // namespace flashsale::api
