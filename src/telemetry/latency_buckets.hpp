#pragma once
#include <array>

namespace flashsale::telemetry {

/// Bounds in seconds, from well under a Redis round trip to beyond the longest wait that a client may ask for.
inline constexpr std::array kLatencyBucketsS{0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                             0.1,     0.25,   0.5,   1.0,    2.5,   5.0,  10.0};

}  // namespace flashsale::telemetry
