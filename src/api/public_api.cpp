#include "flashsale/api/public_api.hpp"

#include "catalog_endpoints.hpp"
#include "order_endpoints.hpp"
#include "payment_endpoints.hpp"
#include "service_endpoints.hpp"

namespace flashsale::api {

class PublicApi::Impl {
 public:
  Impl(ProcessParts& process, ThreadParts thread)
      : catalog_(thread), orders_(process, thread), payments_(process, thread) {
    // The checkout's route stands first: the router tries them in order.
    orders_.add_routes(routes_);
    catalog_.add_routes(routes_);
    payments_.add_routes(routes_);
    add_service_routes(routes_, process, Audience::everybody);
  }
  [[nodiscard]] const Routes& routes() const { return routes_; }

 private:
  CatalogEndpoints catalog_;
  OrderEndpoints orders_;
  PaymentEndpoints payments_;
  Routes routes_;
};

PublicApi::PublicApi(ProcessParts& process, ThreadParts thread) : impl_(std::make_unique<Impl>(process, thread)) {}
PublicApi::~PublicApi() = default;
const Routes& PublicApi::routes() const { return impl_->routes(); }

}  // namespace flashsale::api
