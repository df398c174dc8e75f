#pragma once
#include <cstdint>
#include <string_view>

namespace flashsale::load {

/// What a unit costs in the sales that a run makes. Every order of the load is for one unit, so this is what is due.
inline constexpr std::int64_t kUnitPrice = 1000;
inline constexpr std::string_view kCurrency = "EUR";

}  // namespace flashsale::load
