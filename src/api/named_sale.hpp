#pragma once
#include <functional>

#include "flashsale/api/exchange.hpp"
#include "flashsale/api/parts.hpp"
#include "flashsale/model/order_id.hpp"
#include "query_parameters.hpp"

namespace flashsale::api {

/// Goes on with the exchange when there is a sale of the number that the id names; answers 404 `unknown-order` when
/// there is none, for what an unknown sale's 404 costs: no order is looked for anywhere.
void with_named_sale(Exchange& exchange, const ThreadParts& thread, const OrderId& id,
                     std::function<void(Exchange&)> then);

/// The same for a buyer, whose own orders alone are looked for: an id that is not of this customer's range is nobody's.
void with_named_sale(Exchange& exchange, const ThreadParts& thread, const OrderId& id, std::string_view customer_id,
                     std::function<void(Exchange&)> then);

/// Goes on when this process has looked for the sale that a query names as `sale_id`, or for all sales that there are:
/// another instance may just have made one. Whether the sale is there then is still to be judged.
void with_queried_sale(Exchange& exchange, const ThreadParts& thread, const QueryParameters& query,
                       std::function<void(Exchange&)> then);

}  // namespace flashsale::api
