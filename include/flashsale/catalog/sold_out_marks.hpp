#pragma once
#include <cstdint>
#include <map>
#include <memory>

#include "flashsale/catalog/order_id_set.hpp"

namespace flashsale::catalog {

/// What an item shows. While it shows the same nothing of it was sold: an order takes units, and whatever else moves
/// them raises the version.
struct ItemState {
  std::int64_t version = 0;
  std::int64_t remaining = 0;

  bool operator==(const ItemState&) const = default;
};

/// The ids of a sale's orders, complete for each item listed: it showed this before and after the ids were read
/// (PROTOCOL R8).
struct SoldOutMarks {
  std::int32_t sale_no = 0;
  std::int64_t epoch = 0;
  std::shared_ptr<const OrderIdSet> ids;
  std::map<std::int32_t, ItemState> items;  ///< by item_no; only those that sold nothing then
};

}  // namespace flashsale::catalog
