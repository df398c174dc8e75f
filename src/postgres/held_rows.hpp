#pragma once
#include <cstdint>
#include <set>

#include "flashsale/model/order_id.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/order_writer.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// Of one sale, leave those whose rows somebody holds. Blocking, for a third of a second at most while PostgreSQL
/// answers.
[[nodiscard]] Error keep_held_items(Session& session, std::int32_t sale_no, std::set<std::int32_t>& item_nos,
                                    Look look);
[[nodiscard]] Error keep_held_orders(Session& session, std::int32_t sale_no, std::set<OrderId>& ids, Look look);

}  // namespace flashsale::postgres
