#include "flashsale/forecast/sell_out.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace flashsale::forecast {
namespace {

constexpr double kWindowS = 15;
constexpr double kArrivalsMin = 5;
constexpr double kUnitsEverMin = 3;
constexpr double kStandardErrors = 1;  // that the conversion may be off, on either side

/// Seconds until so many arrivals have come, if they come at this level; the rate between two horizons is even.
std::optional<double> time_until(double needed, const ArrivalQuantiles& arrivals, std::size_t level) {
  double at_s = 0, come = 0;
  for (std::size_t i = 0; i < kHorizonsS.size(); ++i) {
    const double horizon = kHorizonsS[i];
    const double by_then = std::max(come, arrivals[i][level] * horizon);
    if (by_then >= needed) return at_s + (horizon - at_s) * (needed - come) / (by_then - come);
    at_s = horizon;
    come = by_then;
  }
  return std::nullopt;
}

}  // namespace

void Conversion::add_second(double arrivals, double units) {
  constexpr double kKeep = 1 - 1 / kWindowS;
  arrivals_ = arrivals_ * kKeep + arrivals;
  units_ = units_ * kKeep + units;
  units_ever_ += units;
}

std::optional<double> Conversion::at(double standard_errors) const {
  if (arrivals_ < kArrivalsMin || units_ever_ < kUnitsEverMin || units_ <= 0) return std::nullopt;
  const double rate = units_ / arrivals_;
  const double error = std::sqrt(units_) / arrivals_;
  return std::max(rate / 4, rate + standard_errors * error);
}

std::optional<SellOut> sell_out_of(std::int64_t remaining, const Conversion& conversion,
                                   const ArrivalQuantiles& arrivals) {
  if (remaining <= 0) return SellOut{0.0, 0.0, 0.0};
  const auto most = conversion.at(kStandardErrors), middle = conversion.at(0), least = conversion.at(-kStandardErrors);
  if (!most || !middle || !least) return std::nullopt;
  const auto units = static_cast<double>(remaining);
  return SellOut{time_until(units / *most, arrivals, kHigh), time_until(units / *middle, arrivals, kMiddle),
                 time_until(units / *least, arrivals, kLow)};
}

}  // namespace flashsale::forecast
