#pragma once
#include <cstdint>
#include <string_view>

namespace flashsale::load {

/// What a unit costs in the sales that a run makes, whichever item it is of.
inline constexpr std::int64_t kUnitPrice = 1000;
inline constexpr std::string_view kCurrency = "EUR";

}  // namespace flashsale::load
