#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flashsale::forecast {

/// The levels of which a forecast is made: at kLevels[i] of all times, less comes than its i-th number says.
inline constexpr std::array kLevels{0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95};
inline constexpr std::size_t kLow = 1, kMiddle = 5, kHigh = 9;  ///< of the interval that holds 80 %
using Quantiles = std::array<double, kLevels.size()>;

/// Arrivals a second: on average over the next second, ten and sixty, and in the greatest of the next sixty seconds.
enum class Target : std::uint8_t { rate_1s, rate_10s, rate_60s, peak_60s };
inline constexpr std::array<std::string_view, 4> kTargets{"rate_1s", "rate_10s", "rate_60s", "peak_60s"};
inline constexpr std::array kHorizonsS{1U, 10U, 60U};
using ArrivalQuantiles = std::array<Quantiles, kTargets.size()>;

}  // namespace flashsale::forecast
