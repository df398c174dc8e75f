#include "customer_endpoints.hpp"

#include <string>

#include "caller.hpp"
#include "flashsale/admin/erasure.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/model/json_text.hpp"
#include "json_body.hpp"
#include "operation.hpp"

namespace flashsale::api {
namespace {

std::string erasure_document(const admin::Erasure& erasure) {
  std::string body = "{";
  append_member(body, "orders");
  append_json_number(body, erasure.orders);
  append_member(body, "sales");
  body += '[';
  for (const auto& sale_id : erasure.sales) {
    if (body.back() != '[') body += ',';
    append_json_string(body, sale_id);
  }
  body += "]}";
  return body;
}

}  // namespace

void CustomerEndpoints::add_routes(Routes& routes) {
  routes.push_back({Method::post, "/admin/v1/customers/{customer_id}/erase", [this](Exchange& exchange) {
                      const auto who = identify_admin(exchange, process_, identity::AdminRole::operator_);
                      if (who) erase(exchange, *who);
                    }});
}

void CustomerEndpoints::erase(Exchange& exchange, std::string_view who) {
  const auto& request = exchange.request();
  const auto customer_id = identity::customer_id_in_form(request.path_parameters[0], process_.customer_id_form);
  if (!has_empty_body(exchange)) return;
  if (!customer_id) {
    return reply_problem(exchange, ProblemType::malformed_request,
                         "a customer's id is 1 to 255 characters without control characters");
  }
  run_operation(exchange, process_.reports,
                [customer_id = std::string(*customer_id), who = std::string(who)](workers::Stores& stores) {
                  const auto erased = admin::erase_customer(stores, customer_id, who);
                  if (!erased) return Answer::failure(erased.error());
                  Answer answer;
                  if (!erased->is_complete) {
                    answer.status = 202;
                    append_look_again(answer.headers);
                  }
                  answer.body = erasure_document(*erased);
                  return answer;
                });
}

}  // namespace flashsale::api
