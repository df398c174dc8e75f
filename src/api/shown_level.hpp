#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/model/sale.hpp"

namespace flashsale::api {

/// `scheduled`, `open`, `paused` or `closed`: to buyers a sale that has ended is closed.
[[nodiscard]] std::string_view shown_state(const Sale& sale, TimePoint now);

/// What buyers see of an item's stock, when Redis's clock says `earliest` or later.
struct ShownLevel {
  std::int64_t remaining = 0;
  std::string_view availability;  ///< of fixed texts
  bool operator==(const ShownLevel&) const = default;
};
[[nodiscard]] ShownLevel shown_level(const catalog::SaleSnapshot& snapshot, std::size_t item, TimePoint earliest);

}  // namespace flashsale::api
