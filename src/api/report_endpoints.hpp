#pragma once
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"

namespace flashsale::api {

/// What became of a sale: its report, and its orders as a file.
class ReportEndpoints {
 public:
  explicit ReportEndpoints(ProcessParts& process) : process_(process) {}
  void add_routes(Routes& routes);

 private:
  void report(Exchange& exchange);
  void export_orders(Exchange& exchange, std::string_view who);

  ProcessParts& process_;
};

}  // namespace flashsale::api
