#include "order_lists.hpp"

#include <algorithm>

namespace flashsale::api {
namespace {

/// With more the moment could be one that no timestamp can say; 16 reach to the year 2286.
constexpr std::size_t kMomentDigitsMax = 16;

/// `<unix microseconds>-<uuid>` of the last order of the page before.
std::optional<postgres::OrderCursor> parse_cursor(std::string_view text) {
  const auto dash = text.find('-');
  if (dash > kMomentDigitsMax) return std::nullopt;  // or there is none
  const auto us = parse_cursor_number(text.substr(0, dash));
  const auto id = OrderId::parse(text.substr(dash + 1));
  if (!us || *us == 0 || !id) return std::nullopt;
  return postgres::OrderCursor{from_unix_us(*us), *id};
}

}  // namespace

std::optional<OrderPage> parse_order_page(const QueryParameters& query) {
  const auto limit = page_limit(query);
  if (!query.ok() || !limit) return std::nullopt;
  OrderPage page{std::nullopt, *limit};
  if (const auto cursor = query.find("cursor")) {
    page.after = parse_cursor(*cursor);
    if (!page.after) return std::nullopt;
  }
  return page;
}

Result<std::vector<Order>> read_order_page(workers::Stores& stores, std::string_view customer_id,
                                           const OrderPage& page) {
  return postgres::find_orders_of_customer(stores.session(), customer_id, page.after, page.limit + 1);
}

std::optional<std::string> order_list(const std::vector<Order>& orders, const OrderPage& page,
                                      const catalog::Snapshot& snapshot, OrderAudience audience) {
  const auto shown = std::min(orders.size(), static_cast<std::size_t>(page.limit));
  std::string body = "{\"orders\":[";
  for (std::size_t i = 0; i < shown; ++i) {
    const auto found = snapshot.find_item(orders[i].lines.front().item_no);
    if (!found.item) return std::nullopt;
    if (i > 0) body += ',';
    if (!append_order(body, orders[i], *found.sale, audience)) return std::nullopt;
  }
  body += ']';
  if (orders.size() > shown) {
    const auto& last = orders[shown - 1];
    body += ",\"next_cursor\":\"" + std::to_string(to_unix_us(last.created_at)) + '-' + last.id.to_string() + '"';
  }
  body += '}';
  return body;
}

}  // namespace flashsale::api
