#pragma once
#include <prometheus/client_metric.h>

#include <chrono>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "flashsale/telemetry/thread_histogram.hpp"
#include "flashsale/telemetry/trace_context.hpp"

namespace flashsale::telemetry {

/// One observation of a bucket, and the trace that tells how it came about.
struct Exemplar {
  double value = 0;
  TraceId trace_id{};
  std::chrono::system_clock::time_point at{};
};
/// Of one histogram, by the upper bound of the bucket.
using ExemplarsByBucket = std::map<double, Exemplar>;

/// The newest exemplar of each bucket of some histograms: as many as those have buckets. Thread-safe.
class Exemplars {
 public:
  using Labels = std::vector<prometheus::ClientMetric::Label>;

  /// Once for each histogram; others have no exemplars. Those of one series share them. `bounds` live as long as this.
  void add(const ThreadHistogram& histogram, const std::string& family, const Labels& labels,
           std::span<const double> bounds);
  void note(const ThreadHistogram& histogram, const Exemplar& exemplar);

  /// What there is of one that has been collected.
  [[nodiscard]] ExemplarsByBucket of(const std::string& family, const Labels& labels) const;

 private:
  struct Series {
    std::span<const double> bounds;
    ExemplarsByBucket exemplars;
  };
  static std::string key_of(const std::string& family, const Labels& labels);

  mutable std::mutex mutex_;
  std::unordered_map<const ThreadHistogram*, std::string> keys_;
  std::unordered_map<std::string, Series> series_;
};

}  // namespace flashsale::telemetry
