#include "flashsale/forecast/running_sale.hpp"

#include <algorithm>
#include <utility>

namespace flashsale::forecast {

std::vector<double> curve_of(std::span<const SecondCount> counts) {
  std::vector<double> curve;
  for (const auto& one : counts) {
    const auto place = one.second - counts.front().second;
    if (place < 0 || place >= RunningSale::kSecondsMax) continue;
    curve.resize(std::max(curve.size(), static_cast<std::size_t>(place) + 1));
    curve[static_cast<std::size_t>(place)] += one.arrivals;
  }
  return curve;
}

RunningSale::RunningSale(Prior prior, const Model& model) : outlook_(std::move(prior), model) {}

void RunningSale::note_levels(Second second, std::vector<std::int64_t> remaining) {
  if (!levels_.empty() && levels_.back().second >= second) return;
  levels_.push_back({second, std::move(remaining)});
  if (levels_.size() > kLevelsKept) levels_.pop_front();
}

void RunningSale::add(std::span<const SecondCount> counts, Second complete) {
  if (!begun_) {
    if (counts.empty() || counts.front().second > complete) return;
    begun_ = next_ = counts.front().second;
  }
  const auto last = std::min(complete, *begun_ + kSecondsMax - 1);
  auto count = std::ranges::lower_bound(counts, next_, {}, &SecondCount::second);
  while (next_ <= last) {
    double arrivals = 0;
    for (; count != counts.end() && count->second == next_; ++count) arrivals += count->arrivals;
    take(arrivals);
  }
}

void RunningSale::take(double arrivals) {
  while (!levels_.empty() && levels_.front().second < next_) levels_.pop_front();
  const bool is_known = !levels_.empty() && levels_.front().second == next_;
  outlook_.add_second(arrivals, is_known ? levels_.front().remaining : std::vector<std::int64_t>{});
  ++next_;
}

}  // namespace flashsale::forecast
