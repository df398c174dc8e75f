#pragma once
#include <cstdint>

#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/session.hpp"

/// What becomes of a sale that is over. Blocking; every call may be repeated.
namespace flashsale::postgres {

/// Whether anything in the sale can still move, by what PostgreSQL knows.
[[nodiscard]] Result<bool> is_unsettled(Session& session, const Sale& sale);

/// Notes that Redis need not have the closed sale any more, and raises its epoch: what Redis may still accept is not
/// counted. False: it is not closed, not settled, or has another epoch; nothing was changed.
[[nodiscard]] Result<bool> let_sale_go(Session& session, const Sale& sale);

/// Orders of a sale that was let go have nobody to be told of their units.
[[nodiscard]] Error forget_freed_orders(Session& session, std::int32_t sale_no);

}  // namespace flashsale::postgres
