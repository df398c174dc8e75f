#pragma once
#include <prometheus/client_metric.h>
#include <prometheus/histogram.h>

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

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

  /// Once for each histogram; others have no exemplars.
  void add(const prometheus::Histogram& histogram, const std::string& family, const prometheus::Labels& labels,
           prometheus::Histogram::BucketBoundaries bounds);
  void note(const prometheus::Histogram& histogram, const Exemplar& exemplar);

  /// What there is of one that has been collected.
  [[nodiscard]] ExemplarsByBucket of(const std::string& family, const Labels& labels) const;

 private:
  struct Series {
    prometheus::Histogram::BucketBoundaries bounds;
    ExemplarsByBucket exemplars;
  };
  static std::string key_of(const std::string& family, const std::map<std::string, std::string>& labels);

  mutable std::mutex mutex_;
  std::unordered_map<const prometheus::Histogram*, std::string> keys_;
  std::unordered_map<std::string, Series> series_;
};

}  // namespace flashsale::telemetry
