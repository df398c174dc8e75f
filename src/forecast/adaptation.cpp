#include "flashsale/forecast/adaptation.hpp"

#include <algorithm>
#include <cmath>

namespace flashsale::forecast {
namespace {

constexpr std::array<std::size_t, kTargets.size()> kResolvedAfterS{1, 10, 60, 60};
constexpr double kRounding = 1e-6;  // of a rate: nothing came, and nothing was said to come
/// A miss moves its side by so much, and by a part of that the same side of the targets of longer horizons, of which
/// it is known only later.
constexpr std::array kGain{0.08, 0.04, 0.02, 0.02};
constexpr double kShared = 0.8;
constexpr double kSideMin = -0.5, kSideMax = 2;
constexpr std::array kOutBy{0.5, 1.0, 1.0, 1.0};  // by which a side of 1 moves the levels 0.1 and 0.9
constexpr double kMissShare = 0.1;                // of each side, that is meant
/// Of what the model's median was off at the horizons of 1 and 10 s together, in widths of the interval.
constexpr std::array kMovedBy{0.0, 0.5, 0.2, 0.2};
constexpr double kOffKept = 0.9;  // from one second to the next
constexpr double kOffMax = 1.5;
constexpr double kOffWeight = 20;   // seconds in which nothing was off, that it begins with
constexpr double kOffWidth = 0.05;  // that each interval has more

double width_of(const Quantiles& line) { return line[kHigh] - line[kLow] + kOffWidth; }

/// It comes in by a share, and goes out by a distance: a share of an interval that is far too narrow would be nothing,
/// and of one that is wide, far too much.
double stretched(double away, double normal, double side, double out_by) {
  return away * std::exp(std::min(side, 0.0)) + out_by * std::max(side, 0.0) * normal / kNormal[kHigh];
}

}  // namespace

ArrivalQuantiles Adaptation::tell(const ArrivalQuantiles& said) {
  ArrivalQuantiles out{};
  Told& told = told_[elapsed_s_ % kKept];
  for (std::size_t target = 0; target < said.size(); ++target) {
    Quantiles line{};
    std::ranges::transform(said[target], line.begin(), [](double rate) { return std::log1p(rate); });
    const double width = width_of(line);
    if (target < kSoonResolved) {
      told.middle[target] = line[kMiddle];
      told.width[target] = width;
    }
    const double move = kMovedBy[target] * off() * width;
    if (target == 0) line = next_second_.tell(line);
    const Sides& sides = sides_[target];
    for (std::size_t i = 0; i < line.size(); ++i) {
      const double side = kNormal[i] < 0 ? sides.low : sides.high;
      const double away = stretched(line[i] - line[kMiddle], kNormal[i], side, kOutBy[target]);
      out[target][i] = std::max(0.0, std::expm1(line[kMiddle] + move + away));
    }
    told.low[target] = out[target][kLow];
    told.high[target] = out[target][kHigh];
  }
  return out;
}

void Adaptation::add_second(double arrivals) {
  arrivals_[elapsed_s_ % kKept] = arrivals;
  ++elapsed_s_;
  next_second_.add_second(arrivals);
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

double Adaptation::off() const {
  double sum = 0;
  for (const Off& off : off_) sum += off.sum / (off.weight + kOffWeight);
  return sum;
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
  if (target >= kSoonResolved) return;
  const double off = (std::log1p(came) - told.middle[target]) / told.width[target];
  off_[target].sum = off_[target].sum * kOffKept + std::clamp(off, -kOffMax, kOffMax);
  off_[target].weight = off_[target].weight * kOffKept + 1;
}

}  // namespace flashsale::forecast
