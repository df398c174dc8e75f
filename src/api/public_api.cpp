#include "flashsale/api/public_api.hpp"

#include "catalog_endpoints.hpp"
#include "live_endpoints.hpp"
#include "order_endpoints.hpp"
#include "payment_endpoints.hpp"
#include "service_endpoints.hpp"
#include "shop_demo.hpp"
#include "shop_endpoints.hpp"

namespace flashsale::api {

class PublicApi::Impl {
 public:
  Impl(ProcessParts& process, ThreadParts thread, const PublicParts& more)
      : catalog_(thread),
        live_(process, thread, more.stream_places),
        orders_(process, thread),
        payments_(process, thread),
        shop_(thread, more.shop),
        demo_(process, thread, more.shop) {
    // The checkout's route stands first: the router tries them in order.
    orders_.add_routes(routes_);
    catalog_.add_routes(routes_);
    live_.add_routes(routes_);
    payments_.add_routes(routes_);
    add_service_routes(routes_, process, Audience::everybody);
    if (more.shop.enabled) shop_.add_routes(routes_);
    if (more.shop.demo) demo_.add_routes(routes_);
  }
  [[nodiscard]] const Routes& routes() const { return routes_; }
  void replace_shop_options(const ShopOptions& options) { demo_.replace_options(options); }
  void start_draining() { live_.start_draining(); }

 private:
  CatalogEndpoints catalog_;
  LiveEndpoints live_;
  OrderEndpoints orders_;
  PaymentEndpoints payments_;
  ShopEndpoints shop_;
  ShopDemo demo_;
  Routes routes_;
};

PublicApi::PublicApi(ProcessParts& process, ThreadParts thread, const PublicParts& more)
    : impl_(std::make_unique<Impl>(process, thread, more)) {}
PublicApi::~PublicApi() = default;
const Routes& PublicApi::routes() const { return impl_->routes(); }
void PublicApi::replace_shop_options(const ShopOptions& options) { impl_->replace_shop_options(options); }
void PublicApi::start_draining() { impl_->start_draining(); }

}  // namespace flashsale::api
