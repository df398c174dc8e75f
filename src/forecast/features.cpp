#include "features.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "flashsale/forecast/quantiles.hpp"
#include "flashsale/model/check.hpp"

namespace flashsale::forecast {
namespace {

constexpr unsigned kRecentS = 3;
constexpr double kNoBurst = 5;  // in place of the logarithm of a time
constexpr double kPhaseMax = 3;

/// Fills a vector from first to last.
class Columns {
 public:
  explicit Columns(double level) : level_(level) {}

  void add(double value) { values_[count_++] = value; }
  void add_relative(double rate) { add(std::log((rate + 1) / level_)); }
  void leave_out(std::size_t count) { count_ += count; }
  [[nodiscard]] const FeatureVector& whole() const {
    FLASHSALE_CHECK(count_ == values_.size());
    return values_;
  }

 private:
  double level_;
  FeatureVector values_{};
  std::size_t count_ = 0;
};

void add_history(Columns& columns, const ArrivalHistory& history) {
  columns.add(std::log(level_of(history)));
  columns.add(std::log1p(history.elapsed_s()));
  columns.add(std::log1p(history.total()));
  columns.add_relative(history.last());
  for (std::size_t i = 0; i < ArrivalHistory::kWindowsS.size(); ++i) columns.add_relative(history.window(i));
  columns.add_relative(history.total() / std::max(1U, history.elapsed_s()));
  columns.add_relative(history.peak());
  columns.add(std::log1p(history.since_peak_s()));
  columns.add_relative(history.least_of_newest());
  columns.add_relative(history.most_of_newest());
  columns.add_relative(history.swing());
  const double since_burst = std::max(0.0, history.since_burst_s());
  const double gap = history.burst_gap_s();
  columns.add(history.since_burst_s() < 0 ? kNoBurst : std::log1p(since_burst));
  columns.add(std::log1p(gap));
  columns.add(gap > 0 ? std::min(kPhaseMax, since_burst / gap) : 0);
}

void add_registrations(Columns& columns, const ArrivalHistory& history, const Prior& prior) {
  if (!prior.registrations) return columns.leave_out(3);
  const auto count = static_cast<double>(*prior.registrations);
  columns.add(1);
  columns.add(std::log1p(count));
  columns.add(std::log((count + 1) / (history.total() + 1)));
}

/// What came after this moment in the earlier sale, as if it had been so many times as big.
void add_ahead(Columns& columns, const EarlierCurve& earlier, unsigned elapsed_s, double scale) {
  for (const unsigned horizon : kHorizonsS) columns.add_relative(earlier.rate(elapsed_s, horizon) * scale);
  columns.add_relative(earlier.peak(elapsed_s, kHorizonsS.back()) * scale);
}

void add_earlier(Columns& columns, const ArrivalHistory& history, const Prior& prior) {
  constexpr std::size_t kColumns = 1 + 4 * kTargets.size();
  if (!prior.earlier) return columns.leave_out(kColumns);
  const EarlierCurve& earlier = *prior.earlier;
  const unsigned elapsed = history.elapsed_s();
  const unsigned opening = std::min(elapsed, kRecentS);
  columns.add(1);
  add_ahead(columns, earlier, elapsed, (history.total() + 1) / (earlier.total(elapsed) + 1));
  if (prior.registrations && earlier.registrations()) {
    const double scale = static_cast<double>(*prior.registrations + 1) /
                         static_cast<double>(std::max<std::int64_t>(1, *earlier.registrations() + 1));
    add_ahead(columns, earlier, elapsed, scale);
  } else {
    columns.leave_out(kTargets.size());
  }
  add_ahead(columns, earlier, elapsed, (history.opening() + 1) / (earlier.total(opening) + 1));
  add_ahead(columns, earlier, elapsed, level_of(history) / (earlier.rate(elapsed - opening, opening) + 1));
}

}  // namespace

double level_of(const ArrivalHistory& history) { return history.recent() + 1; }

FeatureVector features_of(const ArrivalHistory& history, const Prior& prior) {
  Columns columns(level_of(history));
  add_history(columns, history);
  add_registrations(columns, history, prior);
  add_earlier(columns, history, prior);
  return columns.whole();
}

}  // namespace flashsale::forecast
