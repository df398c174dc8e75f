#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "flashsale/model/time.hpp"

namespace flashsale::postgres {

/// Orders taken within one step of time that begins at `at`.
struct CurvePoint {
  TimePoint at{};
  std::int64_t orders = 0;
  std::int64_t units = 0;
  std::int64_t checkouts = 0;  ///< that came, whatever they were answered; none where nobody counted

  bool operator==(const CurvePoint&) const = default;
};

/// The shortest round step with which the moments from `first` to `last` fall into at most `points_max` steps, which
/// begin at whole multiples of it since 1970.
[[nodiscard]] std::chrono::seconds choose_step(TimePoint first, TimePoint last, std::size_t points_max);

/// The same with a point for each step from the first to the last, also where nothing was taken.
[[nodiscard]] std::vector<CurvePoint> with_empty_steps(const std::vector<CurvePoint>& points,
                                                       std::chrono::seconds step);

}  // namespace flashsale::postgres
