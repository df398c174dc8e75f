#pragma once
#include <compare>
#include <cstdint>
#include <string>

namespace flashsale::insight {

/// What a figure is of: a sale in one currency, or one of its items.
struct SeriesKey {
  std::string sale_id;
  std::string sku;  ///< empty: the whole sale
  std::string currency;

  auto operator<=>(const SeriesKey&) const = default;
};

/// Stands in the place of sales and items for which there is no room.
inline constexpr const char* kOthers = "(others)";

/// Orders (of an item: those with a line of it), their units, and what they cost in minor units.
struct Amounts {
  std::int64_t orders = 0;
  std::int64_t units = 0;
  std::int64_t amount = 0;

  Amounts& operator+=(const Amounts& other) {
    orders += other.orders;
    units += other.units;
    amount += other.amount;
    return *this;
  }
  Amounts& operator-=(const Amounts& other) { return *this += Amounts{-other.orders, -other.units, -other.amount}; }
  bool operator==(const Amounts&) const = default;
};

}  // namespace flashsale::insight
