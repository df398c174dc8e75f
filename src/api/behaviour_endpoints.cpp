#include "behaviour_endpoints.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "behaviour_bands.hpp"
#include "caller.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/model/json_text.hpp"
#include "flashsale/postgres/access_log.hpp"
#include "flashsale/postgres/behaviour_repository.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "operation.hpp"
#include "query_parameters.hpp"

namespace flashsale::api {
namespace {

using Customers = std::vector<postgres::CustomerBehaviour>;

struct Page {
  std::size_t first = 0;  ///< place in the order of the scores
  std::size_t limit = 0;
};

void append_customer(std::string& body, const postgres::CustomerBehaviour& one) {
  body += body.back() == '[' ? "{" : ",{";
  append_text(body, "customer_id", one.customer_id);
  append_number(body, "score", one.score);
  append_text(body, "band", to_string(behaviour_band(one.score)));
  append_number(body, "checkouts", one.behaviour.checkouts);
  append_time(body, "last_checkout_at", one.seen_at);
  append_member(body, "reasons");
  body += '[';
  for (const auto& reason : behaviour_reasons(one.behaviour)) {
    if (body.back() != '[') body += ',';
    append_json_string(body, reason);
  }
  body += "]}";
}

std::string document_of(const std::string& sale_id, const Customers& customers, const Page& page) {
  std::string body = "{";
  append_text(body, "sale_id", sale_id);
  append_number(body, "unlike_people_from", kUnlikePeople);
  append_behaviour_bands(body, "bands", postgres::count_bands(customers));
  append_member(body, "customers");
  body += '[';
  const auto first = std::min(page.first, customers.size());
  const auto shown = std::min(page.limit, customers.size() - first);
  for (const auto& one : std::span(customers).subspan(first, shown)) append_customer(body, one);
  body += ']';
  if (first + shown < customers.size()) append_text(body, "next_cursor", std::to_string(first + shown));
  return body + '}';
}

Answer read(workers::Stores& stores, const std::string& who, const std::string& sale_id, const std::string& customer_id,
            const Page& page) {
  const auto sale = postgres::find_sale(stores.session(), sale_id);
  if (!sale) return Answer::failure(sale.error());
  if (!*sale) return Answer::problem(ProblemType::unknown_sale, "there is no sale of this id");
  // Before the first name leaves. The log names no customer.
  if (const auto error = postgres::record_access(stores.session(), who, "behaviour.read", sale_id)) {
    return Answer::failure(error);
  }
  const auto customers = postgres::read_behaviour(stores.session(), (*sale)->sale_no, customer_id);
  if (!customers) return Answer::failure(customers.error());
  Answer answer;
  answer.body = document_of(sale_id, *customers, page);
  return answer;
}

}  // namespace

void BehaviourEndpoints::add_routes(Routes& routes) {
  routes.push_back({Method::get, "/admin/v1/sales/{sale_id}/behaviour", [this](Exchange& exchange) {
                      const auto who = identify_admin(exchange, process_, identity::AdminRole::support);
                      if (who) list(exchange, *who);
                    }});
}

void BehaviourEndpoints::list(Exchange& exchange, std::string_view who) {
  const QueryParameters query(exchange.request().query);
  const auto limit = page_limit(query);
  const auto cursor = page_cursor(query, 0);
  if (!query.ok() || !query.only({"customer_id", "limit", "cursor"}) || !limit || !cursor) {
    return reply_problem(exchange, ProblemType::malformed_request,
                         "limit must be 1 to 1000, cursor one that was given; others than these and customer_id are "
                         "not known");
  }
  std::string customer_id;
  if (const auto text = query.find("customer_id")) {
    const auto in_form = identity::customer_id_in_form(*text, process_.customer_id_form);
    if (!in_form) {
      return reply_problem(exchange, ProblemType::malformed_request,
                           "a customer's id is 1 to 255 characters without control characters");
    }
    customer_id = *in_form;
  }
  const Page page{static_cast<std::size_t>(*cursor), static_cast<std::size_t>(*limit)};
  run_operation(exchange, process_.reports,
                [who = std::string(who), sale_id = std::string(exchange.request().path_parameters[0]), customer_id,
                 page](workers::Stores& stores) { return read(stores, who, sale_id, customer_id, page); });
}

}  // namespace flashsale::api
