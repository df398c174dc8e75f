#include "report_endpoints.hpp"

#include <string>
#include <utility>

#include "caller.hpp"
#include "flashsale/postgres/behaviour_repository.hpp"
#include "flashsale/postgres/report_repository.hpp"
#include "flashsale/telemetry/log.hpp"
#include "operation.hpp"
#include "order_export.hpp"
#include "query_parameters.hpp"
#include "report_document.hpp"

namespace flashsale::api {
namespace {

constexpr unsigned kRetryAfterS = 10;

/// What is not made of the sale's orders. None of it is worth the report.
ReportExtras read_extras(postgres::Session& session, const postgres::SaleReport& report,
                         const admin::ForecastWatch& watch) {
  ReportExtras extras;
  // Arrivals that could not be read just now are not waited for once more.
  extras.knows_hindsight = report.knows_checkouts;
  if (extras.knows_hindsight) {
    const auto looked_back = watch.look_back_at(session, report.sale);
    extras.knows_hindsight = looked_back.has_value();
    if (looked_back) extras.hindsight = *looked_back;
  }
  if (const auto bands = postgres::read_bands(session, report.sale.sale_no)) extras.behaviour = *bands;
  return extras;
}

void log_unreadable(const postgres::SaleReport& report, const ReportExtras& extras) {
  std::string parts;
  for (const auto part : unreadable_parts(report, extras)) parts.append(parts.empty() ? "" : ", ").append(part);
  if (parts.empty()) return;
  telemetry::log_warn("parts of a report cannot be read", {{"sale", report.sale.id}, {"parts", parts}});
}

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
    auto extras = read_extras(stores.session(), **report, watch);
    log_unreadable(**report, extras);
    const auto forecasts = watch.latest();
    extras.forecast = admin::find_forecast(*forecasts, (*report)->sale.sale_no);
    Answer answer;
    answer.body = report_document(**report, extras);
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
