#include "request_metrics.hpp"

namespace flashsale::http {

RequestMetrics::RequestMetrics(telemetry::Metrics& metrics, const Router& router) : metrics_(metrics) {
  const auto add = [&](std::string_view name) { rows_.push_back({name, &metrics.request_seconds(name), {}}); };
  for (std::uint32_t i = 0; i < router.pattern_count(); ++i) add(router.pattern(i));
  add("none");
}

void RequestMetrics::observe(std::uint32_t route, unsigned status, double duration_s) {
  Row& row = route == kNoRoute ? rows_.back() : rows_[route];
  row.seconds->Observe(duration_s);
  for (const Cell& cell : row.cells) {
    if (cell.status == status) return cell.requests->Increment();
  }
  row.cells.push_back({status, &metrics_.requests(row.name, status)});
  row.cells.back().requests->Increment();
}

}  // namespace flashsale::http
