#include "request_metrics.hpp"

namespace flashsale::http {

RequestMetrics::RequestMetrics(telemetry::Metrics& metrics, const Router& router)
    : metrics_(metrics), durations_(metrics.request_durations()) {
  const auto add = [&](std::string_view name) {
    rows_.push_back({name, {}});
    durations_.add_route(name);
  };
  for (std::uint32_t i = 0; i < router.pattern_count(); ++i) add(router.pattern(i));
  add("none");
}

std::string_view method_name(api::Method method) {
  return method == api::Method::other ? std::string_view("_OTHER") : to_string(method);
}

void RequestMetrics::observe(std::uint32_t route, api::Method method, unsigned status, double duration_s) {
  cell_of(row(route), method, status).observe(duration_s);
}

void RequestMetrics::note_trace(std::uint32_t route, api::Method method, unsigned status, double duration_s,
                                const telemetry::TraceId& trace_id) {
  metrics_.note_exemplar(cell_of(row(route), method, status), duration_s, trace_id);
}

telemetry::ThreadHistogram& RequestMetrics::cell_of(Row& row, api::Method method, unsigned status) {
  for (const Cell& cell : row.cells) {
    if (cell.status == status && cell.method == method) return *cell.seconds;
  }
  row.cells.push_back({method, status, &durations_.add(method_name(method), row.name, status)});
  return *row.cells.back().seconds;
}

}  // namespace flashsale::http
