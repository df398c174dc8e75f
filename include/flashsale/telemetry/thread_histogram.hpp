#pragma once
#include <prometheus/client_metric.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "flashsale/model/check.hpp"

namespace flashsale::telemetry {

/// Counts observations by bucket for one thread: the hot path takes no lock, and shares no cache line with another
/// thread. Only that thread observes; any thread may read meanwhile.
class alignas(64) ThreadHistogram {
 public:
  static constexpr std::size_t kBoundsMax = 24;

  /// `bounds` rise, and live as long as this.
  explicit ThreadHistogram(std::span<const double> bounds) : bounds_(bounds) {
    FLASHSALE_CHECK(bounds.size() <= kBoundsMax);
  }

  void observe(double value) {
    // As Prometheus has it: a value that equals a bound lies below it.
    const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
    auto& count = counts_[static_cast<std::size_t>(bucket)];
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    sum_.store(sum_.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
  }

  [[nodiscard]] std::span<const double> bounds() const { return bounds_; }
  /// Of those up to the bound with this index and beyond the one before it. The last, `bounds().size()`, is of those
  /// beyond all.
  [[nodiscard]] std::uint64_t count(std::size_t bucket) const {
    return counts_[bucket].load(std::memory_order_relaxed);
  }
  [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::span<const double> bounds_;
  std::array<std::atomic<std::uint64_t>, kBoundsMax + 1> counts_{};
  std::atomic<double> sum_{0};
};

/// What several threads have observed, by the same bounds.
class HistogramSum {
 public:
  explicit HistogramSum(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}
  void add(const ThreadHistogram& histogram);
  void add(const HistogramSum& other);
  [[nodiscard]] std::uint64_t count() const;
  /// As Prometheus collects it, with these bounds, each of which is one of those that it was observed by.
  [[nodiscard]] prometheus::ClientMetric::Histogram collect(std::span<const double> bounds) const;

 private:
  std::span<const double> bounds_;
  std::vector<std::uint64_t> counts_;
  double sum_ = 0;
};

}  // namespace flashsale::telemetry
