#pragma once
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"

namespace flashsale::api {

/// Feature flags: how each is set, and setting one.
class FlagEndpoints {
 public:
  explicit FlagEndpoints(ProcessParts& process) : process_(process) {}
  void add_routes(Routes& routes);

 private:
  void list(Exchange& exchange);
  void put(Exchange& exchange, std::string_view who);
  void set(Exchange& exchange, Feature feature, Flag flag, const std::string& who);

  ProcessParts& process_;
};

}  // namespace flashsale::api
