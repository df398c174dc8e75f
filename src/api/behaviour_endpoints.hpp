#pragma once
#include <string>
#include <string_view>

#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"

namespace flashsale::api {

/// Which customers of a sale have behaved unlike people, and in what. To be read by people: nothing is refused by it.
class BehaviourEndpoints {
 public:
  explicit BehaviourEndpoints(ProcessParts& process) : process_(process) {}
  void add_routes(Routes& routes);

 private:
  void list(Exchange& exchange, std::string_view who);

  ProcessParts& process_;
};

}  // namespace flashsale::api
