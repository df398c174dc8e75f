#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/api/exchange.hpp"
#include "flashsale/api/parts.hpp"
#include "flashsale/model/order_json.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "query_parameters.hpp"

namespace flashsale::api {

/// A page of one customer's orders, and where it looks: in one sale if one was named, else in those that are not
/// archived, the newest first, so many at most. Whoever asks, and however much there is, it costs no more than that.
struct OrderList {
  std::string customer_id;
  std::vector<postgres::CustomerRange> ranges;  ///< of the sales, in this order
  std::optional<OrderId> after;                 ///< in the first of them
  std::int32_t limit = 100;
  bool is_all = true;  ///< false: there are sales behind these, for the next page
};
/// Reads sale_id, limit and cursor. Empty: the exchange is answered, since one of them is malformed or the sale
/// unknown; buyers know of no drafts.
[[nodiscard]] std::optional<OrderList> plan_order_list(Exchange& exchange, const QueryParameters& query,
                                                       const catalog::Snapshot& snapshot, std::string_view customer_id,
                                                       OrderAudience audience);

/// Reads one order more than is shown, to know whether there is a next page; blocking.
[[nodiscard]] Result<std::vector<Order>> read_order_page(workers::Stores& stores, const OrderList& list);

/// `{"orders":[…],"next_cursor":"…"}`. Empty when an item is not known to this process yet.
[[nodiscard]] std::optional<std::string> order_list(const std::vector<Order>& orders, const OrderList& list,
                                                    const catalog::Snapshot& snapshot, OrderAudience audience);

}  // namespace flashsale::api
