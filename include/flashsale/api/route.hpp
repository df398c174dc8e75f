#pragma once
#include <functional>
#include <string_view>
#include <vector>

#include "flashsale/api/exchange.hpp"

namespace flashsale::api {

/// What a route runs. Returns at once; answers now or later. Must not throw.
using Handler = std::function<void(Exchange&)>;

struct Route {
  Method method = Method::get;
  std::string_view pattern;  ///< e.g. "/v1/sales/{sale_id}/orders"; also the `route` label of the metrics
  Handler handler;
};

/// The routes of one listener, for one I/O thread. HEAD is served by the GET route, OPTIONS by the router.
using Routes = std::vector<Route>;

}  // namespace flashsale::api
