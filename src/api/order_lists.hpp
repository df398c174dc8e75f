#pragma once
#include <optional>
#include <string>
#include <vector>

#include "flashsale/api/parts.hpp"
#include "flashsale/model/order_json.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "query_parameters.hpp"

namespace flashsale::api {

/// What a page of orders was asked for. Empty: malformed.
struct OrderPage {
  std::optional<postgres::OrderCursor> after;
  std::int32_t limit = 100;
};
[[nodiscard]] std::optional<OrderPage> parse_order_page(const QueryParameters& query);

/// Reads one page more than is shown, to know whether there is a next one; blocking.
[[nodiscard]] Result<std::vector<Order>> read_order_page(workers::Stores& stores, std::string_view customer_id,
                                                         const OrderPage& page);

/// `{"orders":[…],"next_cursor":"…"}`. Empty when an item is not known to this process yet.
[[nodiscard]] std::optional<std::string> order_list(const std::vector<Order>& orders, const OrderPage& page,
                                                    const catalog::Snapshot& snapshot, OrderAudience audience);

}  // namespace flashsale::api
