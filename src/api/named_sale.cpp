#include "named_sale.hpp"

#include <memory>
#include <string>
#include <utility>

#include "operation.hpp"

namespace flashsale::api {
namespace {

void reply_unknown(Exchange& exchange) {
  reply_problem(exchange, ProblemType::unknown_order, "there is no such order");
}

}  // namespace

void with_named_sale(Exchange& exchange, const ThreadParts& thread, const OrderId& id,
                     std::function<void(Exchange&)> then) {
  if (!id.is_derived()) return reply_unknown(exchange);
  if (thread.catalog.snapshot()->find(id.sale_no())) return then(exchange);
  using Outcome = catalog::SaleLookup::Outcome;
  thread.sales.find(id.sale_no(), [kept = exchange.shared_from_this(), then = std::move(then)](
                                      Outcome outcome, const std::shared_ptr<const catalog::SaleSnapshot>& /*sale*/) {
    if (outcome == Outcome::found) return then(*kept);
    if (outcome == Outcome::unknown) return reply_unknown(*kept);
    reply_problem(*kept, ProblemType::unavailable, "the order cannot be looked up at the moment");
  });
}

void with_named_sale(Exchange& exchange, const ThreadParts& thread, const OrderId& id, std::string_view customer_id,
                     std::function<void(Exchange&)> then) {
  with_named_sale(
      exchange, thread, id,
      [&catalog = thread.catalog, id, customer = std::string(customer_id), then = std::move(then)](Exchange& known) {
        if (!id.is_of(catalog.snapshot()->order_salt, customer)) return reply_unknown(known);
        then(known);
      });
}

void with_queried_sale(Exchange& exchange, const ThreadParts& thread, const QueryParameters& query,
                       std::function<void(Exchange&)> then) {
  const auto sale_id = query.ok() ? query.find("sale_id") : std::nullopt;
  if (sale_id && thread.catalog.snapshot()->find(*sale_id)) return then(exchange);
  if (!sale_id) {
    // What is known now is shown if no more can be learnt.
    return thread.sales.await_directory(
        [kept = exchange.shared_from_this(), then = std::move(then)](bool /*is_current*/) { then(*kept); });
  }
  using Outcome = catalog::SaleLookup::Outcome;
  thread.sales.find(*sale_id, [kept = exchange.shared_from_this(), then = std::move(then)](
                                  Outcome outcome, const std::shared_ptr<const catalog::SaleSnapshot>& /*sale*/) {
    if (outcome != Outcome::unavailable) return then(*kept);
    reply_problem(*kept, ProblemType::unavailable, "the sale cannot be looked up at the moment");
  });
}

}  // namespace flashsale::api
