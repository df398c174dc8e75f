#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "flashsale/model/order.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::checkout {

/// Tells Redis that the units of an order whose row is final are free, and notes that it was told; once, however often
/// it is called (PROTOCOL R3, R11). Blocking. False: Redis does not serve the sale now; to be tried again.
[[nodiscard]] Result<bool> give_back(workers::Stores& stores, const Order& row, std::string_view sale_id,
                                     std::int64_t epoch);

/// The same for many, in a few round trips. Those that could not be told are left for later.
[[nodiscard]] Error give_back(workers::Stores& stores, std::span<const postgres::FreedOrder> orders);

}  // namespace flashsale::checkout
