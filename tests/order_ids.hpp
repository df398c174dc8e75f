#pragma once
#include <cstdint>
#include <string_view>

#include "flashsale/model/order_id.hpp"

namespace flashsale::sample {

/// Of tests that have no PostgreSQL to ask.
inline constexpr OrderIdSalt kSalt{{0x0123456789abcdef, 0xfedcba9876543210}};
inline constexpr std::int32_t kSaleNo = 4711;

inline OrderId order_id(std::string_view customer_id, std::string_view key, std::int32_t sale_no = kSaleNo) {
  return OrderId::derive(kSalt, sale_no, customer_id, key);
}

}  // namespace flashsale::sample
