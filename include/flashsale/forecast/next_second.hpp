#pragma once
#include <array>
#include <cstddef>
#include <optional>

#include "flashsale/forecast/quantiles.hpp"

namespace flashsale::forecast {

/// Of the normal distribution, in standard deviations, at each level.
inline constexpr Quantiles kNormal{-1.6449, -1.2816, -0.8416, -0.5244, -0.2533, 0,
                                   0.2533,  0.5244,  0.8416,  1.2816,  1.6449};

/// The level of the last seconds, as a walk that is seen through the noise of counting. In logarithms of a rate + 1.
class LocalLevel {
 public:
  void add_second(double arrivals);
  /// Of the next second. After the first one.
  [[nodiscard]] Quantiles tell() const;

 private:
  bool has_begun_ = false;
  double level_ = 0;
  double drift_ = 0;  ///< variance from one second to the next
};

/// The next second, told by the model and by the level of the last seconds together; whoever was nearer lately counts
/// for more. forecast/next_second.py is the same.
class NextSecond {
 public:
  NextSecond();

  /// What the model says, and what is told, in logarithms of a rate + 1.
  [[nodiscard]] Quantiles tell(const Quantiles& said);
  /// So many came in the second after that.
  void add_second(double arrivals);

 private:
  struct Told {
    Quantiles model{}, local{};  ///< as rates
  };

  LocalLevel local_;
  std::size_t elapsed_s_ = 0;
  std::optional<Told> told_;
  double model_loss_, local_loss_;
};

}  // namespace flashsale::forecast
