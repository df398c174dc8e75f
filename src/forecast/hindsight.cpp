#include "flashsale/forecast/hindsight.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "flashsale/forecast/sale_outlook.hpp"

namespace flashsale::forecast {
namespace {

constexpr double kRounding = 1e-6;  // of a rate: nothing came, and nothing was said to come

/// What came of each target in the seconds from `at` on; empty for those that reach beyond the curve.
std::array<std::optional<double>, kTargets.size()> truth_at(std::span<const double> curve, std::size_t at) {
  std::array<std::optional<double>, kTargets.size()> truth;
  double sum = 0, most = 0;
  for (std::size_t passed = 1; passed <= kHorizonsS.back() && at + passed <= curve.size(); ++passed) {
    const double came = curve[at + passed - 1];
    sum += came;
    most = std::max(most, came);
    for (std::size_t i = 0; i < kHorizonsS.size(); ++i) {
      if (passed == kHorizonsS[i]) truth[i] = sum / static_cast<double>(passed);
    }
    if (passed == kHorizonsS.back()) truth.back() = most;
  }
  return truth;
}

}  // namespace

Hindsight look_back(std::span<const double> curve, const Prior& prior, const Model& model) {
  Hindsight hindsight;
  SaleOutlook outlook(prior, model);
  for (std::size_t at = 0; at < curve.size(); ++at) {
    if (const auto told = outlook.look().arrivals) {
      const auto truth = truth_at(curve, at);
      for (std::size_t target = 0; target < truth.size(); ++target) {
        if (!truth[target]) continue;
        const auto& line = (*told)[target];
        ++hindsight.targets[target].judged;
        const bool is_covered = *truth[target] >= line[kLow] - kRounding && *truth[target] <= line[kHigh] + kRounding;
        if (is_covered) ++hindsight.targets[target].covered;
      }
    }
    outlook.add_second(curve[at], {});
  }
  return hindsight;
}

}  // namespace flashsale::forecast
