#pragma once
#include <cstdint>
#include <string>

namespace flashsale {

/// An amount in minor units (cents) of an ISO 4217 currency.
struct Money {
  std::int64_t amount = 0;
  std::string currency;  ///< three upper-case letters

  bool operator==(const Money&) const = default;
};

}  // namespace flashsale
