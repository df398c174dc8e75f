#pragma once
#include <prometheus/client_metric.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace flashsale::api {

/// A histogram at one moment: how much was at most each bound, in their order. The last bound is infinite.
struct HistogramCounts {
  std::vector<double> bounds;
  std::vector<std::uint64_t> at_most;

  [[nodiscard]] std::uint64_t total() const { return at_most.empty() ? 0 : at_most.back(); }
};
[[nodiscard]] HistogramCounts counts_of(const prometheus::ClientMetric::Histogram& histogram);

/// What was observed between two looks at one histogram. An empty `before` counts as zeros.
[[nodiscard]] HistogramCounts difference(const HistogramCounts& before, const HistogramCounts& now);

/// The value below which `part` (0 to 1) of what was observed lies, evenly spread within its bucket; beyond the highest
/// bound that is finite it is that bound. Empty: nothing was observed.
[[nodiscard]] std::optional<double> quantile(const HistogramCounts& counts, double part);

/// How fast a count grew; 0 where it began anew or no time has passed.
[[nodiscard]] double rate_a_second(double before, double now, double seconds);

}  // namespace flashsale::api
