#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "flashsale/telemetry/metrics.hpp"
#include "router.hpp"

namespace flashsale::http {

/// The index that stands for requests which no route took.
inline constexpr std::uint32_t kNoRoute = UINT32_MAX;

/// As OpenTelemetry names it: in capitals, `_OTHER` for one that HTTP does not know.
[[nodiscard]] std::string_view method_name(api::Method method);

/// Counts requests and their latency by route. Looks each series up once a thread. For one thread.
class RequestMetrics {
 public:
  RequestMetrics(telemetry::Metrics& metrics, const Router& router);
  void observe(std::uint32_t route, api::Method method, unsigned status, double duration_s);
  /// Of a request that has been observed, and whose trace is kept.
  void note_trace(std::uint32_t route, api::Method method, unsigned status, double duration_s,
                  const telemetry::TraceId& trace_id);
  [[nodiscard]] std::string_view route_name(std::uint32_t route) const { return row(route).name; }

 private:
  struct Cell {
    api::Method method;
    unsigned status;
    telemetry::ThreadHistogram* seconds;
  };
  struct Row {
    std::string_view name;
    std::vector<Cell> cells;  // a route has few methods and statuses: a linear search is the fastest
  };
  [[nodiscard]] telemetry::ThreadHistogram& cell_of(Row& row, api::Method method, unsigned status);
  [[nodiscard]] const Row& row(std::uint32_t route) const { return route == kNoRoute ? rows_.back() : rows_[route]; }
  [[nodiscard]] Row& row(std::uint32_t route) { return route == kNoRoute ? rows_.back() : rows_[route]; }

  telemetry::Metrics& metrics_;
  telemetry::RequestDurations& durations_;
  std::vector<Row> rows_;  // one a pattern, and the last for none
};

}  // namespace flashsale::http
