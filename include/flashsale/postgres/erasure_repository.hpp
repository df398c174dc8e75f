#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

struct ErasedOrders {
  std::int64_t orders = 0;
  std::vector<std::string> sale_ids;
};

/// One transaction: puts `pseudonym` in the customer's place in at most `limit` orders, without what was written about
/// their cancellation, and logs that under the pseudonym. The epoch of each sale that they belong to is raised
/// with it (PROTOCOL R1), so that Redis, which holds the customer's id too, serves the sale only after a rebuild,
/// whatever fails in between.
[[nodiscard]] Result<ErasedOrders> erase_orders(Session& session, std::string_view customer_id,
                                                std::string_view pseudonym, std::int32_t limit, std::string_view who);

}  // namespace flashsale::postgres
