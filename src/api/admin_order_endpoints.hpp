#pragma once
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"

namespace flashsale::api {

/// What support needs of orders, and the log of who changed what.
class AdminOrderEndpoints {
 public:
  AdminOrderEndpoints(ProcessParts& process, ThreadParts thread) : process_(process), thread_(thread) {}
  void add_routes(Routes& routes);

 private:
  void list(Exchange& exchange, std::string_view who);
  void list_orders(Exchange& exchange, const std::string& who, const std::string& customer);
  void read(Exchange& exchange, std::string_view who);
  void read_order(Exchange& exchange, const OrderId& id, const std::string& who);
  void cancel(Exchange& exchange, std::string_view who);
  void read_log(Exchange& exchange, std::string_view who);
  void show(Exchange& exchange, const Order& order);
  void find_pending(Exchange& exchange, const OrderId& id);

  ProcessParts& process_;
  ThreadParts thread_;
};

}  // namespace flashsale::api
