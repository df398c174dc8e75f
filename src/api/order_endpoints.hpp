#pragma once
#include <optional>
#include <string>

#include "checkout_log.hpp"
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"

namespace flashsale::api {

/// The way in whose time is watched: objectives and the operator's page read its metrics by this name.
inline constexpr const char* kCheckoutRoute = "/v1/sales/{sale_id}/orders";

/// A buyer's own orders: check out, read, list, cancel.
class OrderEndpoints {
 public:
  OrderEndpoints(ProcessParts& process, ThreadParts thread)
      : process_(process), thread_(thread), log_(process.logged_checkouts, process.trusted_proxies) {}
  void add_routes(Routes& routes);

 private:
  /// What a buyer wants to know of an order.
  struct Poll {
    OrderId id;
    std::string customer_id;
    identity::CustomerCalls::Call call;
  };

  void check_out(Exchange& exchange);
  void note_behaviour(const Request& request, std::int32_t sale_no, std::string_view customer_id);
  void check_out_of(Exchange& exchange, const std::shared_ptr<const catalog::SaleSnapshot>& sale,
                    std::string customer_id);
  void answer_order(Exchange& exchange);
  void answer_orders(Exchange& exchange);
  void list_orders(Exchange& exchange, const std::string& customer);
  void cancel(Exchange& exchange);

  void look_up(Exchange& exchange, Poll poll);
  void find_pending(Exchange& exchange, const Poll& poll, bool postgres_knows_not);
  void show(Exchange& exchange, unsigned status, const Order& order, std::string headers);

  ProcessParts& process_;
  ThreadParts thread_;
  CheckoutLog log_;
};

}  // namespace flashsale::api
