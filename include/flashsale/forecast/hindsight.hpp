#pragma once
#include <array>
#include <span>

#include "flashsale/forecast/model.hpp"
#include "flashsale/forecast/prior.hpp"
#include "flashsale/forecast/quantiles.hpp"

namespace flashsale::forecast {

/// How often what came lay in the interval of 80 % that was told before.
struct Hindsight {
  struct Coverage {
    unsigned judged = 0;  ///< moments at which something was told, and of which all has come
    unsigned covered = 0;
  };
  std::array<Coverage, kTargets.size()> targets{};
};

/// Tells a whole curve once more as if it came now, and holds it against what came: microseconds a second of it.
[[nodiscard]] Hindsight look_back(std::span<const double> curve, const Prior& prior,
                                  const Model& model = Model::built_in());

}  // namespace flashsale::forecast
