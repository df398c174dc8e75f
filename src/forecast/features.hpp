#pragma once
#include <array>
#include <string_view>

#include "flashsale/forecast/arrival_history.hpp"
#include "flashsale/forecast/prior.hpp"

namespace flashsale::forecast {

/// In the order in which features_of gives them; the coefficients name them, too.
inline constexpr std::array<std::string_view, 37> kFeatures{
    "level",
    "elapsed",
    "total",
    "last",
    "window_2s",
    "window_5s",
    "window_15s",
    "window_45s",
    "mean",
    "peak",
    "since_peak",
    "least_10s",
    "most_10s",
    "swing",
    "since_burst",
    "burst_gap",
    "burst_phase",
    "has_registrations",
    "registrations",
    "to_come",
    "has_rehearsal",
    "by_total_rate_1s",
    "by_total_rate_10s",
    "by_total_rate_60s",
    "by_total_peak_60s",
    "by_registrations_rate_1s",
    "by_registrations_rate_10s",
    "by_registrations_rate_60s",
    "by_registrations_peak_60s",
    "by_opening_rate_1s",
    "by_opening_rate_10s",
    "by_opening_rate_60s",
    "by_opening_peak_60s",
    "by_recent_1s",
    "by_recent_10s",
    "by_recent_60s",
    "by_recent_peak",
};
using FeatureVector = std::array<double, kFeatures.size()>;

/// What all rates are told relative to.
[[nodiscard]] double level_of(const ArrivalHistory& history);

/// What the model looks at. forecast/features.py has the same; tests/unit/forecast_test.cpp holds both together.
[[nodiscard]] FeatureVector features_of(const ArrivalHistory& history, const Prior& prior);

}  // namespace flashsale::forecast
