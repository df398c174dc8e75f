#pragma once
#include <cstdint>

#include "flashsale/model/time.hpp"

namespace flashsale::redis {

/// What Redis has of an item.
struct ItemLevel {
  std::int32_t item_no = 0;
  std::int64_t remaining = 0;
  std::int64_t version = 0;
  std::int64_t stock_version = 0;
  TimePoint sells_from{};  ///< units that came back to the empty item rest until then
};

}  // namespace flashsale::redis
