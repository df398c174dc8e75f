#include "order_lists.hpp"

#include <algorithm>
#include <charconv>

namespace flashsale::api {
namespace {

/// `<unix microseconds>-<uuid>` of the last order of the page before.
std::optional<postgres::OrderCursor> parse_cursor(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  std::int64_t us = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + dash, us);
  const auto id = OrderId::parse(text.substr(dash + 1));
  // The bounds keep the moment within what a timestamp can say.
  const bool in_range = us > 0 && us < 4'102'444'800'000'000;
  if (error != std::errc{} || end != text.data() + dash || !in_range || !id) return std::nullopt;
  return postgres::OrderCursor{from_unix_us(us), *id};
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

Result<std::vector<Order>> read_order_page(catalog::Publisher& stores, std::string_view customer_id,
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
