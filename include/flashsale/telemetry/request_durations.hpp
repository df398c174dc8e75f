#pragma once
#include <prometheus/metric_family.h>

#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/telemetry/thread_histogram.hpp"

namespace flashsale::telemetry {

class Exemplars;

/// How many requests were answered and how long that took. Each I/O thread observes in cells of its own, and only
/// whoever asks adds them up: as `flashsale_http_requests_total` and `flashsale_http_request_seconds`, and under the
/// name and with the buckets of OpenTelemetry's semantic conventions for HTTP servers (1.27),
/// `http_server_request_duration_seconds`. Thread-safe.
class RequestDurations {
 public:
  explicit RequestDurations(Exemplars& exemplars) : exemplars_(exemplars) {}

  /// A cell for one thread, in seconds; lives as long as this. `method` in capitals, `_OTHER` for one that HTTP does
  /// not know. The series are there from now on.
  [[nodiscard]] ThreadHistogram& add(std::string_view method, std::string_view route, unsigned status);
  /// Shows that route from now on, though nobody has asked for it yet.
  void add_route(std::string_view route);

  [[nodiscard]] prometheus::ClientMetric::Histogram of_route(std::string_view route) const;
  void collect(std::vector<prometheus::MetricFamily>& families) const;

 private:
  struct Series {
    std::string route;
    unsigned status = 0;
    std::string method;
    auto operator<=>(const Series&) const = default;
  };
  [[nodiscard]] std::map<Series, HistogramSum> sums() const;

  Exemplars& exemplars_;
  mutable std::mutex mutex_;
  std::map<Series, std::vector<std::unique_ptr<ThreadHistogram>>> cells_;
  std::map<std::string, HistogramSum, std::less<>> routes_;  ///< all that are shown, each empty
};

}  // namespace flashsale::telemetry
