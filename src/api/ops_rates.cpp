#include "ops_rates.hpp"

#include <cmath>

namespace flashsale::api {

HistogramCounts counts_of(const prometheus::ClientMetric::Histogram& histogram) {
  HistogramCounts counts;
  for (const auto& bucket : histogram.bucket) {
    counts.bounds.push_back(bucket.upper_bound);
    counts.at_most.push_back(bucket.cumulative_count);
  }
  return counts;
}

HistogramCounts difference(const HistogramCounts& before, const HistogramCounts& now) {
  HistogramCounts counts = now;
  if (before.at_most.size() != now.at_most.size()) return counts;
  // A look is not one moment: a bucket can have been read before one below it has grown.
  std::uint64_t least = 0;
  for (std::size_t i = 0; i < now.at_most.size(); ++i) {
    const auto grown = now.at_most[i] >= before.at_most[i] ? now.at_most[i] - before.at_most[i] : 0;
    least = grown > least ? grown : least;
    counts.at_most[i] = least;
  }
  return counts;
}

std::optional<double> quantile(const HistogramCounts& counts, double part) {
  if (counts.total() == 0) return std::nullopt;
  const double rank = part * static_cast<double>(counts.total());
  double lower = 0;
  double below = 0;
  for (std::size_t i = 0; i < counts.bounds.size(); ++i) {
    const double upper = counts.bounds[i];
    const auto up_to = static_cast<double>(counts.at_most[i]);
    if (up_to > below && up_to >= rank) {
      return std::isinf(upper) ? lower : lower + (upper - lower) * (rank - below) / (up_to - below);
    }
    below = up_to;
    lower = upper;
  }
  return lower;
}

double rate_a_second(double before, double now, double seconds) {
  return seconds > 0 && now > before ? (now - before) / seconds : 0;
}

}  // namespace flashsale::api
