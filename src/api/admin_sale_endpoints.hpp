#pragma once
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"

namespace flashsale::api {

/// The merchant's sales: create, list, read, change, stock, audit.
class AdminSaleEndpoints {
 public:
  AdminSaleEndpoints(ProcessParts& process, ThreadParts thread) : process_(process), thread_(thread) {}
  void add_routes(Routes& routes);

 private:
  void create(Exchange& exchange, std::string_view who);
  void list(Exchange& exchange);
  void read(Exchange& exchange);
  void patch(Exchange& exchange, std::string_view who);
  void reset(Exchange& exchange, std::string_view who);
  void change_stock(Exchange& exchange, std::string_view who);
  void audit(Exchange& exchange);
  [[nodiscard]] std::string document(const Sale& sale) const;

  ProcessParts& process_;
  ThreadParts thread_;
};

}  // namespace flashsale::api
