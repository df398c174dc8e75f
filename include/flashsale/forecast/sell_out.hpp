#pragma once
#include <cstdint>
#include <optional>

#include "flashsale/forecast/quantiles.hpp"

namespace flashsale::forecast {

/// How many units of one item a checkout takes, learnt second by second; what was long ago is forgotten.
class Conversion {
 public:
  void add_second(double arrivals, double units);
  /// Units an arrival, at that many standard errors from what was seen. Empty: too few came, or took any.
  [[nodiscard]] std::optional<double> at(double standard_errors) const;

 private:
  double arrivals_ = 0;
  double units_ = 0;
  double units_ever_ = 0;
};

/// Seconds from now until an item is sold out, as an interval of 80 %. An empty moment is later than the longest
/// horizon, of which nothing is said.
struct SellOut {
  std::optional<double> earliest_s;
  std::optional<double> expected_s;
  std::optional<double> latest_s;
};

/// Empty: too little is known. All zero: nothing remains.
[[nodiscard]] std::optional<SellOut> sell_out_of(std::int64_t remaining, const Conversion& conversion,
                                                 const ArrivalQuantiles& arrivals);

}  // namespace flashsale::forecast
