#pragma once
#include <array>
#include <string_view>
#include <vector>

#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::app {

/// What can keep an instance from selling: the words of /readyz and of the metric.
namespace part {
inline constexpr std::string_view kDraining = "draining";
inline constexpr std::string_view kRedis = "redis";
inline constexpr std::string_view kPostgres = "postgres";
inline constexpr std::string_view kCatalog = "catalog";  ///< the sales have not been read yet
inline constexpr std::array kAll{kDraining, kRedis, kPostgres, kCatalog};
}  // namespace part

/// One series for each part; none of them at 1: the instance sells.
void add_failing_parts(const std::vector<std::string_view>& failing, telemetry::Metrics::Families& families);

}  // namespace flashsale::app
