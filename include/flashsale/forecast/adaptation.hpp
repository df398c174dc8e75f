#pragma once
#include <array>
#include <cstddef>

#include "flashsale/forecast/quantiles.hpp"

namespace flashsale::forecast {

/// Holds what came against what was said, second by second, and moves the sides of the intervals: one that is missed
/// too often goes out, one that is hardly ever missed comes in. So a crowd that is unlike all that the model has learnt
/// from gets wide intervals instead of wrong ones. forecast/adapt.py is the same.
class Adaptation {
 public:
  /// What is said now, as it is told.
  [[nodiscard]] ArrivalQuantiles tell(const ArrivalQuantiles& said);
  /// So many came in the second after that.
  void add_second(double arrivals);

 private:
  static constexpr std::size_t kKept = kHorizonsS.back();
  struct Sides {
    double low = 0, high = 0;  ///< logarithms of the distance from the median, relative to what the model says
  };
  struct Told {
    std::array<double, kTargets.size()> low{}, high{};
  };

  void resolve(std::size_t target, double came);

  std::array<Sides, kTargets.size()> sides_{};
  std::array<double, kKept> arrivals_{};  ///< rings, at second modulo their size
  std::array<Told, kKept> told_{};
  std::size_t elapsed_s_ = 0;
};

}  // namespace flashsale::forecast
