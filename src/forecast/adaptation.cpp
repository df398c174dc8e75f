#include "flashsale/forecast/adaptation.hpp"

#include <algorithm>
#include <cmath>

namespace flashsale::forecast {
namespace {

constexpr std::array<std::size_t, kTargets.size()> kResolvedAfterS{1, 10, 60, 60};
/// A miss moves its side by so much, and by a part of that the same side of the targets of longer horizons, of which
/// it is known only later.
constexpr std::array kGain{0.08, 0.04, 0.02, 0.02};
constexpr double kShared = 0.5;
constexpr double kSideMin = -0.5, kSideMax = 2.5;
constexpr double kRounding = 1e-6;  // of a rate: nothing came, and nothing was said to come
constexpr double kMissShare = 0.1;  // of each side, that is meant

}  // namespace

ArrivalQuantiles Adaptation::tell(const ArrivalQuantiles& said) {
  ArrivalQuantiles out{};
  Told& told = told_[elapsed_s_ % kKept];
  for (std::size_t target = 0; target < said.size(); ++target) {
    const double middle = std::log1p(said[target][kMiddle]);
    const double low = std::exp(sides_[target].low), high = std::exp(sides_[target].high);
    for (std::size_t i = 0; i < kLevels.size(); ++i) {
      const double away = std::log1p(said[target][i]) - middle;
      out[target][i] = std::max(0.0, std::expm1(middle + away * (away < 0 ? low : high)));
    }
    told.low[target] = out[target][kLow];
    told.high[target] = out[target][kHigh];
  }
  return out;
}

void Adaptation::add_second(double arrivals) {
  arrivals_[elapsed_s_ % kKept] = arrivals;
  ++elapsed_s_;
  for (std::size_t target = 0; target < kTargets.size(); ++target) {
    const std::size_t after = kResolvedAfterS[target];
    if (elapsed_s_ < after) continue;
    double sum = 0, most = 0;
    for (std::size_t second = elapsed_s_ - after; second < elapsed_s_; ++second) {
      sum += arrivals_[second % kKept];
      most = std::max(most, arrivals_[second % kKept]);
    }
    const bool is_peak = target + 1 == kTargets.size();
    resolve(target, is_peak ? most : sum / static_cast<double>(after));
  }
}

void Adaptation::resolve(std::size_t target, double came) {
  const Told& told = told_[(elapsed_s_ - kResolvedAfterS[target]) % kKept];
  const double low = (came < told.low[target] - kRounding ? 1 : 0) - kMissShare;
  const double high = (came > told.high[target] + kRounding ? 1 : 0) - kMissShare;
  for (std::size_t other = target; other < kTargets.size(); ++other) {
    if (other != target && kResolvedAfterS[other] == kResolvedAfterS[target]) continue;
    const double gain = kGain[target] * (other == target ? 1 : kShared);
    sides_[other].low = std::clamp(sides_[other].low + gain * low, kSideMin, kSideMax);
    sides_[other].high = std::clamp(sides_[other].high + gain * high, kSideMin, kSideMax);
  }
}

}  // namespace flashsale::forecast
