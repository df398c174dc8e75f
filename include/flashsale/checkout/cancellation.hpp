#pragma once
#include <string_view>

#include "flashsale/model/order.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::checkout {

/// Cancels an order in PostgreSQL, then gives its units back to Redis (PROTOCOL R11: loosening goes PostgreSQL first).
/// What a crash leaves between the two, the sweeper finishes. Blocking. `customer_id` empty: the
/// admin, who is named by `who`.
[[nodiscard]] Result<postgres::CancelResult> cancel_order(workers::Stores& stores, const OrderId& id,
                                                          std::string_view customer_id, std::string_view reason,
                                                          std::string_view who);

/// The same for an order that Redis holds and PostgreSQL does not know (PROTOCOL R4): a cancelled row takes the place
/// of the one that was about to be written.
[[nodiscard]] Result<postgres::CancelResult> cancel_unwritten_order(workers::Stores& stores, const Order& order,
                                                                    std::string_view reason, std::string_view who);

}  // namespace flashsale::checkout
