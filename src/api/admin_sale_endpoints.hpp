#pragma once
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"
#include "flashsale/postgres/sale_repository.hpp"

namespace flashsale::api {

/// The merchant's sales: create, list, read, change, stock, audit.
class AdminSaleEndpoints {
 public:
  AdminSaleEndpoints(ProcessParts& process, ThreadParts thread) : process_(process), thread_(thread) {}
  void add_routes(Routes& routes);

 private:
  void create(Exchange& exchange, std::string_view who);
  void create_defined(Exchange& exchange, Sale definition, const std::string& who);
  void list(Exchange& exchange);
  void read(Exchange& exchange);
  void patch(Exchange& exchange, std::string_view who);
  void apply_patch(Exchange& exchange, postgres::SalePatch change, const std::string& who);
  void reset(Exchange& exchange, std::string_view who);
  void change_stock(Exchange& exchange, std::string_view who);
  void add_stock(Exchange& exchange, std::int64_t units, const std::string& who);
  void audit(Exchange& exchange);
  [[nodiscard]] std::string document(const Sale& sale) const;

  ProcessParts& process_;
  ThreadParts thread_;
};

}  // namespace flashsale::api
