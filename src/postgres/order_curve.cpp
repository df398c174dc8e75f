#include "flashsale/postgres/order_curve.hpp"

#include <array>

namespace flashsale::postgres {
namespace {

constexpr std::array<std::int64_t, 14> kRoundSteps{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 21'600, 86'400};

std::int64_t steps_between(TimePoint first, TimePoint last, std::int64_t step_s) {
  const auto number = [step_s](TimePoint at) {
    return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count() / step_s;
  };
  return number(last) - number(first) + 1;
}

}  // namespace

std::chrono::seconds choose_step(TimePoint first, TimePoint last, std::size_t points_max) {
  const auto most = static_cast<std::int64_t>(points_max);
  for (const auto step : kRoundSteps) {
    if (steps_between(first, last, step) <= most) return std::chrono::seconds(step);
  }
  // Years: whole days, as many as it takes.
  std::int64_t days = 2;
  while (steps_between(first, last, days * kRoundSteps.back()) > most) ++days;
  return std::chrono::seconds(days * kRoundSteps.back());
}

std::vector<CurvePoint> with_empty_steps(const std::vector<CurvePoint>& points, std::chrono::seconds step) {
  std::vector<CurvePoint> filled;
  for (const auto& point : points) {
    while (!filled.empty() && filled.back().at + step < point.at) filled.push_back({filled.back().at + step, 0, 0});
    filled.push_back(point);
  }
  return filled;
}

}  // namespace flashsale::postgres
