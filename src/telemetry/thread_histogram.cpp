#include "flashsale/telemetry/thread_histogram.hpp"

#include <limits>
#include <numeric>

namespace flashsale::telemetry {

void HistogramSum::add(const ThreadHistogram& histogram) {
  FLASHSALE_CHECK(histogram.bounds().size() == bounds_.size());
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += histogram.count(i);
  sum_ += histogram.sum();
}

void HistogramSum::add(const HistogramSum& other) {
  FLASHSALE_CHECK(other.bounds_.size() == bounds_.size());
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  sum_ += other.sum_;
}

std::uint64_t HistogramSum::count() const { return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0}); }

prometheus::ClientMetric::Histogram HistogramSum::collect(std::span<const double> bounds) const {
  prometheus::ClientMetric::Histogram histogram;
  std::uint64_t at_most = 0;
  std::size_t next = 0;
  for (const double bound : bounds) {
    while (next < bounds_.size() && bounds_[next] <= bound) at_most += counts_[next++];
    histogram.bucket.push_back({at_most, bound});
  }
  histogram.sample_count = count();
  histogram.sample_sum = sum_;
  histogram.bucket.push_back({histogram.sample_count, std::numeric_limits<double>::infinity()});
  return histogram;
}

}  // namespace flashsale::telemetry
