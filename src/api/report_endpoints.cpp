#include "report_endpoints.hpp"

#include <string>
#include <utility>

#include "caller.hpp"
#include "flashsale/postgres/behaviour_repository.hpp"
#include "flashsale/postgres/report_repository.hpp"
#include "operation.hpp"
#include "order_export.hpp"
#include "query_parameters.hpp"
#include "report_document.hpp"

namespace flashsale::api {
namespace {

constexpr unsigned kRetryAfterS = 10;

}  // namespace

void ReportEndpoints::add_routes(Routes& routes) {
  routes.push_back({Method::get, "/admin/v1/sales/{sale_id}/report", [this](Exchange& exchange) {
                      if (identify_admin(exchange, process_, identity::AdminRole::read)) report(exchange);
                    }});
  routes.push_back({Method::get, "/admin/v1/sales/{sale_id}/orders.csv", [this](Exchange& exchange) {
                      const auto who = identify_admin(exchange, process_, identity::AdminRole::operator_);
                      if (who) export_orders(exchange, *who);
                    }});
}

void ReportEndpoints::report(Exchange& exchange) {
  const std::string sale_id(exchange.request().path_parameters[0]);
  run_operation(exchange, process_.reports, [sale_id, &watch = process_.forecasts](workers::Stores& stores) {
    const auto report = postgres::read_report(stores.session(), sale_id);
    if (!report) return Answer::failure(report.error());
    if (!*report) return Answer::problem(ProblemType::unknown_sale, "there is no sale of this id");
    const auto& sale = (*report)->sale;
    auto looked_back = watch.look_back_at(stores.session(), sale);
    if (!looked_back) return Answer::failure(looked_back.error());
    const auto behaviour = postgres::read_behaviour(stores.session(), sale.sale_no);
    if (!behaviour) return Answer::failure(behaviour.error());
    const auto forecasts = watch.latest();
    Answer answer;
    answer.body = report_document(**report, {admin::find_forecast(*forecasts, sale.sale_no), *looked_back},
                                  postgres::count_bands(*behaviour));
    return answer;
  });
}

void ReportEndpoints::export_orders(Exchange& exchange, std::string_view who) {
  const QueryParameters query(exchange.request().query, {"behaviour"});
  const auto behaviour = query.find("behaviour");
  if (!query.ok() || (behaviour && *behaviour != "true" && *behaviour != "false")) {
    return reply_problem(exchange, ProblemType::malformed_request, "behaviour is true or false");
  }
  ExportRequest asked{std::string(exchange.request().path_parameters[0]), std::string(who), behaviour == "true"};
  const bool begun =
      process_.exports.submit([kept = exchange.shared_from_this(), asked = std::move(asked)](workers::Stores& stores) {
        send_order_export(stores.session(), kept, asked);
      });
  if (!begun) {
    std::string headers;
    append_retry_after(headers, kRetryAfterS);
    reply_problem(exchange, ProblemType::overloaded, "as many exports are under way as there may be", headers);
  }
}

}  // namespace flashsale::api
