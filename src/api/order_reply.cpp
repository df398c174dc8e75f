#include "order_reply.hpp"

#include <utility>

#include "operation.hpp"

namespace flashsale::api {
namespace {

void reply_being_loaded(Exchange& exchange) {
  reply_problem(exchange, ProblemType::unavailable, "the order's sale is being loaded");
}

void reply_known_order(Exchange& exchange, const catalog::Snapshot::FoundItem& found, const Order& order,
                       const OrderReply& how) {
  std::string body;
  if (!append_order(body, order, *found.sale, how.audience)) return reply_being_loaded(exchange);
  exchange.reply({how.status, "application/json", body, how.headers});
}

}  // namespace

void reply_order(Exchange& exchange, const ThreadParts& thread, const Order& order, OrderReply how) {
  const auto found = thread.catalog.snapshot()->find_item(order.lines.front().item_no);
  if (found.item) return reply_known_order(exchange, found, order, how);
  thread.sales.await_items(
      {order.lines.front().item_no},
      [kept = exchange.shared_from_this(), &catalog = thread.catalog, order, how = std::move(how)](bool known) {
        if (!known) return reply_being_loaded(*kept);
        reply_known_order(*kept, catalog.snapshot()->find_item(order.lines.front().item_no), order, how);
      });
}

void reply_order_list(Exchange& exchange, const ThreadParts& thread, const Result<std::vector<Order>>& orders,
                      const OrderList& list, OrderAudience audience) {
  if (!orders) return reply_failure(exchange, orders.error(), "orders cannot be read at the moment");
  std::vector<std::int32_t> item_nos;
  for (const auto& order : *orders) item_nos.push_back(order.lines.front().item_no);
  thread.sales.await_items(std::move(item_nos), [kept = exchange.shared_from_this(), &catalog = thread.catalog,
                                                 orders = *orders, list, audience](bool known) {
    const auto body = known ? order_list(orders, list, *catalog.snapshot(), audience) : std::nullopt;
    if (!body) return reply_being_loaded(*kept);
    kept->reply({200, "application/json", *body, {}});
  });
}

}  // namespace flashsale::api
