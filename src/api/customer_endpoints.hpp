#pragma once
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"

namespace flashsale::api {

/// What the merchant owes a customer: that they are forgotten.
class CustomerEndpoints {
 public:
  explicit CustomerEndpoints(ProcessParts& process) : process_(process) {}
  void add_routes(Routes& routes);

 private:
  void erase(Exchange& exchange, std::string_view who);

  ProcessParts& process_;
};

}  // namespace flashsale::api
