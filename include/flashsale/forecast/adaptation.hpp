#pragma once
#include <array>
#include <cstddef>

#include "flashsale/forecast/next_second.hpp"
#include "flashsale/forecast/quantiles.hpp"

namespace flashsale::forecast {

/// Holds what came against what was said, second by second. The next second is told by the level of the last ones, too;
/// what lies further ahead is moved by what the model was off lately; and a side of an interval that is missed too
/// often goes out, one that is hardly ever missed comes in. So a crowd that is unlike all that the model has learnt
/// from is told of by what it does itself, in wide intervals instead of wrong ones. forecast/adapt.py is the same.
class Adaptation {
 public:
  /// What is said now, as it is told.
  [[nodiscard]] ArrivalQuantiles tell(const ArrivalQuantiles& said);
  /// So many came in the second after that.
  void add_second(double arrivals);

 private:
  static constexpr std::size_t kKept = kHorizonsS.back();
  static constexpr std::size_t kSoonResolved = 2;  ///< targets of which it is known early what the model was off
  struct Sides {
    double low = 0, high = 0;  ///< logarithms: below zero of a share, above of a distance from the median
  };
  /// Of one second.
  struct Told {
    std::array<double, kTargets.size()> low{}, high{};
    std::array<double, kSoonResolved> middle{}, width{};  ///< of what the model said, in logarithms
  };
  struct Off {
    double sum = 0, weight = 0;
  };

  [[nodiscard]] double off() const;
  void resolve(std::size_t target, double came);

  NextSecond next_second_;
  std::array<Off, kSoonResolved> off_{};
  std::array<Sides, kTargets.size()> sides_{};
  std::array<double, kKept> arrivals_{};  ///< rings, at second modulo their size
  std::array<Told, kKept> told_{};
  std::size_t elapsed_s_ = 0;
};

}  // namespace flashsale::forecast
