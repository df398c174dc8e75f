#pragma once
#include <string>

#include "flashsale/api/exchange.hpp"
#include "flashsale/api/parts.hpp"
#include "flashsale/identity/customer_calls.hpp"
#include "flashsale/model/order_id.hpp"
#include "flashsale/model/order_json.hpp"

namespace flashsale::api {

struct Cancellation {
  OrderId id;
  std::string customer_id;  ///< whose order it must be; empty: the admin's word is enough
  std::string reason;
  std::string who;  ///< the admin, for the log of changes; empty: the buyer
  OrderAudience audience = OrderAudience::buyer;
  identity::CustomerCalls::Call call;  ///< of the buyer
};

/// Cancels and answers with the order, or with why not. An order that waits to be written is cancelled too.
void cancel_order(Exchange& exchange, const ProcessParts& process, const ThreadParts& thread,
                  const Cancellation& cancellation);

}  // namespace flashsale::api
