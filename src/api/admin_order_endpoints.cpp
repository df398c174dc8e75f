#include "admin_order_endpoints.hpp"

#include <limits>
#include <utility>

#include "caller.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/model/json_text.hpp"
#include "flashsale/postgres/access_log.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "named_sale.hpp"
#include "operation.hpp"
#include "order_cancellation.hpp"
#include "order_reply.hpp"
#include "order_request.hpp"
#include "sale_definition.hpp"

namespace flashsale::api {
namespace {

std::string log_document(const std::vector<postgres::AdminLogEntry>& entries, std::size_t limit) {
  std::string body = "{\"entries\":[";
  const auto shown = std::min(limit, entries.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& entry = entries[i];
    body += i == 0 ? "{" : ",{";
    const auto add = [&](std::string_view name, std::string_view text) {
      append_member(body, name);
      append_json_string(body, text);
    };
    add("at", format_rfc3339(entry.at));
    add("who", entry.who);
    add("action", entry.action);
    add("subject", entry.subject);
    append_member(body, "change");
    body += entry.change.empty() ? "null" : entry.change;
    body += '}';
  }
  body += ']';
  if (entries.size() > shown) body += ",\"next_cursor\":\"" + std::to_string(entries[shown - 1].entry_no) + '"';
  body += '}';
  return body;
}

void reply_unread(Exchange& exchange, const Error& error) {
  reply_failure(exchange, error, "a store cannot be reached at the moment");
}

/// Whose orders were read is told by the orders: a customer's name would stay in the log when the customer is erased.
Error record_reading(workers::Stores& stores, const std::string& who, const std::vector<Order>& orders,
                     std::int32_t shown) {
  std::string change = "{\"orders\":[";
  for (const auto& order : std::span(orders).first(std::min(orders.size(), static_cast<std::size_t>(shown)))) {
    if (change.back() != '[') change += ',';
    append_json_string(change, order.id.to_string());
  }
  return postgres::record_access(stores.session(), who, "orders.read", "", change + "]}");
}

}  // namespace

void AdminOrderEndpoints::add_routes(Routes& routes) {
  using NamedHandler = void (AdminOrderEndpoints::*)(Exchange&, std::string_view);
  const auto add = [&](Method method, std::string_view pattern, NamedHandler handler) {
    routes.push_back({method, pattern, [this, handler](Exchange& exchange) {
                        const auto who = identify_admin(exchange, process_, identity::AdminRole::support);
                        if (who) (this->*handler)(exchange, *who);
                      }});
  };
  add(Method::get, "/admin/v1/orders", &AdminOrderEndpoints::list);
  add(Method::get, "/admin/v1/orders/{order_id}", &AdminOrderEndpoints::read);
  add(Method::get, "/admin/v1/log", &AdminOrderEndpoints::read_log);
  add(Method::post, "/admin/v1/orders/{order_id}/cancel", &AdminOrderEndpoints::cancel);
}

void AdminOrderEndpoints::list(Exchange& exchange, std::string_view who) {
  const QueryParameters query(exchange.request().query);
  const auto customer =
      identity::customer_id_in_form(query.find("customer_id").value_or(""), process_.customer_id_form);
  if (!query.only({"customer_id", "sale_id", "limit", "cursor"}) || !customer) {
    return reply_problem(exchange, ProblemType::malformed_request,
                         "customer_id is required; others than sale_id, limit and cursor are not known");
  }
  with_queried_sale(exchange, thread_, query,
                    [this, who = std::string(who), customer = std::string(*customer)](Exchange& known) {
                      list_orders(known, who, customer);
                    });
}

void AdminOrderEndpoints::list_orders(Exchange& exchange, const std::string& who, const std::string& customer) {
  const QueryParameters query(exchange.request().query);
  const auto list = plan_order_list(exchange, query, *thread_.catalog.snapshot(), customer, OrderAudience::admin);
  if (!list) return;
  using Orders = Result<std::vector<Order>>;
  run_operation<Orders>(
      exchange, process_,
      [list = *list, who](workers::Stores& stores) {
        auto orders = read_order_page(stores, list);
        if (!orders || orders->empty()) return orders;
        if (const auto error = record_reading(stores, who, *orders, list.limit)) return Orders(error);
        return orders;
      },
      [this, list = *list](Exchange& answered, const Orders& orders) {
        reply_order_list(answered, thread_, orders, list, OrderAudience::admin);
      });
}

void AdminOrderEndpoints::show(Exchange& exchange, const Order& order) {
  reply_order(exchange, thread_, order, {200, {}, OrderAudience::admin});
}

void AdminOrderEndpoints::read(Exchange& exchange, std::string_view who) {
  const auto id = OrderId::parse(exchange.request().path_parameters[0]);
  if (!id) return reply_problem(exchange, ProblemType::unknown_order, "there is no such order");
  with_named_sale(exchange, thread_, *id,
                  [this, id = *id, who = std::string(who)](Exchange& known) { read_order(known, id, who); });
}

void AdminOrderEndpoints::read_order(Exchange& exchange, const OrderId& id, const std::string& who) {
  using Found = Result<std::vector<Order>>;
  run_operation<Found>(
      exchange, process_,
      [id, who](workers::Stores& stores) -> Found {
        // Whether it is found, here or in Redis, is known only when it is too late to refuse.
        const auto error = postgres::record_access(stores.session(), who, "order.read", id.to_string());
        if (error) return error;
        return postgres::find_orders(stores.session(), std::span(&id, 1));
      },
      [this, id](Exchange& answered, const Found& found) {
        if (!found) return reply_unread(answered, found.error());
        if (!found->empty()) return show(answered, found->front());
        find_pending(answered, id);
      });
}

void AdminOrderEndpoints::find_pending(Exchange& exchange, const OrderId& id) {
  thread_.checkout.find_pending(
      id, true, [this, kept = exchange.shared_from_this()](const Result<std::optional<Order>>& pending) {
        if (!pending) return reply_unread(*kept, pending.error());
        if (*pending) return show(*kept, **pending);
        reply_problem(*kept, ProblemType::unknown_order, "there is no such order");
      });
}

void AdminOrderEndpoints::cancel(Exchange& exchange, std::string_view who) {
  const auto& request = exchange.request();
  if (!request.body.empty() && !is_json(request.header(Header::content_type))) {
    return reply_problem(exchange, ProblemType::unsupported_media_type, "the body must be application/json");
  }
  using Parsed = ParsedBody<std::string>;
  read_body<Parsed>(exchange, process_.operations, parse_cancellation,
                    [this, who = std::string(who)](Exchange& read, const Parsed& parsed) {
                      const auto id = OrderId::parse(read.request().path_parameters[0]);
                      if (!id) return reply_problem(read, ProblemType::unknown_order, "there is no such order");
                      auto reason = parsed.value.empty() ? "cancelled by " + who : parsed.value;
                      with_named_sale(
                          read, thread_, *id, [this, id = *id, reason = std::move(reason), who](Exchange& known) {
                            cancel_order(known, process_, thread_, {id, {}, reason, who, OrderAudience::admin, {}});
                          });
                    });
}

void AdminOrderEndpoints::read_log(Exchange& exchange, std::string_view /*who*/) {
  const QueryParameters query(exchange.request().query);
  const auto limit = page_limit(query);
  const auto before = page_cursor(query, std::numeric_limits<std::int64_t>::max());
  if (!query.ok() || !query.only({"limit", "cursor"}) || !limit || !before) {
    return reply_problem(exchange, ProblemType::malformed_request,
                         "limit must be 1 to 1000, cursor one that was given");
  }
  run_operation(exchange, process_, [before = *before, limit = *limit](workers::Stores& stores) {
    const auto entries = postgres::read_admin_log(stores.session(), before, limit + 1);
    if (!entries) return Answer::failure(entries.error());
    Answer answer;
    answer.body = log_document(*entries, static_cast<std::size_t>(limit));
    return answer;
  });
}

}  // namespace flashsale::api
