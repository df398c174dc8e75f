#include "flashsale/api/admin_api.hpp"

#include "admin_order_endpoints.hpp"
#include "admin_sale_endpoints.hpp"
#include "behaviour_endpoints.hpp"
#include "customer_endpoints.hpp"
#include "event_endpoints.hpp"
#include "flag_endpoints.hpp"
#include "metrics_endpoint.hpp"
#include "ops_endpoints.hpp"
#include "report_endpoints.hpp"
#include "service_endpoints.hpp"
#include "webhook_endpoints.hpp"

namespace flashsale::api {

class AdminApi::Impl {
 public:
  Impl(ProcessParts& process, ThreadParts thread, const WatchParts& watch)
      : sales_(process, thread),
        orders_(process, thread),
        flags_(process),
        reports_(process),
        behaviour_(process),
        customers_(process),
        events_(process, thread),
        webhooks_(process),
        ops_(process, thread, watch) {
    sales_.add_routes(routes_);
    orders_.add_routes(routes_);
    flags_.add_routes(routes_);
    reports_.add_routes(routes_);
    behaviour_.add_routes(routes_);
    customers_.add_routes(routes_);
    events_.add_routes(routes_);
    webhooks_.add_routes(routes_);
    ops_.add_routes(routes_);
    add_metrics_route(routes_, process.metrics);
    add_service_routes(routes_, process, Audience::admins);
  }
  [[nodiscard]] const Routes& routes() const { return routes_; }
  void tokens_replaced() {
    events_.tokens_replaced();
    ops_.tokens_replaced();
  }
  void start_draining() {
    events_.start_draining();
    ops_.start_draining();
  }

 private:
  AdminSaleEndpoints sales_;
  AdminOrderEndpoints orders_;
  FlagEndpoints flags_;
  ReportEndpoints reports_;
  BehaviourEndpoints behaviour_;
  CustomerEndpoints customers_;
  EventEndpoints events_;
  WebhookEndpoints webhooks_;
  OpsEndpoints ops_;
  Routes routes_;
};

AdminApi::AdminApi(ProcessParts& process, ThreadParts thread, const WatchParts& watch)
    : impl_(std::make_unique<Impl>(process, thread, watch)) {}
AdminApi::~AdminApi() = default;
const Routes& AdminApi::routes() const { return impl_->routes(); }
void AdminApi::tokens_replaced() { impl_->tokens_replaced(); }
void AdminApi::start_draining() { impl_->start_draining(); }

}  // namespace flashsale::api
