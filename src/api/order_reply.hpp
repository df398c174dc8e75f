#pragma once
#include <string>
#include <vector>

#include "flashsale/api/exchange.hpp"
#include "flashsale/api/parts.hpp"
#include "flashsale/model/order_json.hpp"
#include "order_lists.hpp"

/// Answers that show orders. An order can be of a sale that another instance created a moment ago: then they wait for
/// this process to load it.
namespace flashsale::api {

struct OrderReply {
  unsigned status = 200;
  std::string headers;
  OrderAudience audience = OrderAudience::buyer;
};
void reply_order(Exchange& exchange, const ThreadParts& thread, const Order& order, OrderReply how);

/// A page of orders; an error is a 503.
void reply_order_list(Exchange& exchange, const ThreadParts& thread, const Result<std::vector<Order>>& orders,
                      const OrderList& list, OrderAudience audience);

}  // namespace flashsale::api
