#pragma once
#include <cstdint>
#include <vector>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/redis/pulse.hpp"

namespace flashsale::catalog {

/// What has to be done for one sale, by the upkeep threads and by the directory watch.
struct UpkeepNeeds {
  bool reload_directory = false;  ///< somebody has rebuilt the sale already
  bool rebuild = false;
  bool push_definition = false;
  bool load_marks = false;               ///< an item that sells nothing has none
  std::vector<std::int32_t> push_stock;  ///< item_nos

  bool operator==(const UpkeepNeeds&) const = default;
};

/// `sale` as it stands with the reply applied and its marks attached.
[[nodiscard]] UpkeepNeeds find_upkeep_needs(const SaleSnapshot& sale, const redis::PulseReply& reply);

}  // namespace flashsale::catalog
