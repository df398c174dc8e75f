#include "order_lists.hpp"

#include <algorithm>
#include <limits>

#include "operation.hpp"

namespace flashsale::api {
namespace {

/// Sales that one page looks into.
constexpr std::size_t kSalesMax = 100;

/// Where a page begins.
struct Cursor {
  std::int32_t sale_no = 0;
  std::optional<OrderId> after;  ///< an order of that sale; empty: behind the whole sale
};

/// The id of the last order of the page before, or the number of the last sale that it has looked into.
std::optional<Cursor> parse_cursor(std::string_view text) {
  if (const auto id = OrderId::parse(text)) {
    if (!id->is_derived()) return std::nullopt;
    return Cursor{id->sale_no(), *id};
  }
  const auto number = parse_cursor_number(text);
  if (!number || *number == 0 || *number > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
  return Cursor{static_cast<std::int32_t>(*number), std::nullopt};
}

/// Builds the list, sale by sale.
class Planner {
 public:
  Planner(const catalog::Snapshot& snapshot, std::string_view customer_id, std::int32_t limit) : snapshot_(snapshot) {
    list_.customer_id = customer_id;
    list_.limit = limit;
  }

  /// One sale alone. False: the cursor is not of it.
  [[nodiscard]] bool add_one(const Sale& sale, const std::optional<Cursor>& from) {
    if (from && (from->sale_no != sale.sale_no || !from->after)) return false;
    if (from) list_.after = from->after;
    // It may be archived since this instance has heard of it last, and it is only one.
    add(sale, true);
    return true;
  }
  /// Sales that are not archived, the newest first. False: the cursor's sale is not there.
  [[nodiscard]] bool add_newest(const std::optional<Cursor>& from) {
    auto place = snapshot_.sales.size();
    if (from) {
      const auto found = snapshot_.place_of(from->sale_no);
      if (!found) return false;
      place = from->after ? *found + 1 : *found;
      list_.after = from->after;
    }
    while (place > 0 && list_.ranges.size() < kSalesMax) {
      const auto& sale = *snapshot_.sales[--place]->sale;
      if (!sale.archived && !sale.is_draft) add(sale, false);
    }
    list_.is_all = place == 0;
    return true;
  }
  [[nodiscard]] OrderList take() { return std::move(list_); }

 private:
  void add(const Sale& sale, bool may_be_archived) {
    const auto id = OrderId::derive(snapshot_.order_salt, sale.sale_no, list_.customer_id, {});
    list_.ranges.push_back({id.first_of_customer(), may_be_archived});
  }

  const catalog::Snapshot& snapshot_;
  OrderList list_;
};

}  // namespace

std::optional<OrderList> plan_order_list(Exchange& exchange, const QueryParameters& query,
                                         const catalog::Snapshot& snapshot, std::string_view customer_id,
                                         OrderAudience audience) {
  const auto limit = page_limit(query);
  const auto text = query.find("cursor");
  const auto cursor = text ? parse_cursor(*text) : std::nullopt;
  const auto malformed = [&] {
    reply_problem(exchange, ProblemType::malformed_request, "limit must be 1 to 1000, cursor one that was given");
    return std::nullopt;
  };
  if (!query.ok() || !limit || (text && !cursor)) return malformed();
  if (snapshot.directory_version < 0) {
    reply_problem(exchange, ProblemType::unavailable, "the sales are being loaded");
    return std::nullopt;
  }
  Planner planner(snapshot, customer_id, *limit);
  if (const auto sale_id = query.find("sale_id")) {
    const auto sale = snapshot.find(*sale_id);
    if (!sale || (audience == OrderAudience::buyer && sale->sale->is_draft)) {
      reply_problem(exchange, ProblemType::unknown_sale, "there is no sale of this id");
      return std::nullopt;
    }
    if (!planner.add_one(*sale->sale, cursor)) return malformed();
  } else if (!planner.add_newest(cursor)) {
    return malformed();
  }
  return planner.take();
}

Result<std::vector<Order>> read_order_page(workers::Stores& stores, const OrderList& list) {
  return postgres::find_orders_of_customer(stores.session(), list.customer_id, list.ranges, list.after, list.limit + 1);
}

std::optional<std::string> order_list(const std::vector<Order>& orders, const OrderList& list,
                                      const catalog::Snapshot& snapshot, OrderAudience audience) {
  const auto shown = std::min(orders.size(), static_cast<std::size_t>(list.limit));
  std::string body = "{\"orders\":[";
  for (std::size_t i = 0; i < shown; ++i) {
    const auto found = snapshot.find_item(orders[i].lines.front().item_no);
    if (!found.item) return std::nullopt;
    if (i > 0) body += ',';
    if (!append_order(body, orders[i], *found.sale, audience)) return std::nullopt;
  }
  body += ']';
  std::string next;
  if (orders.size() > shown) next = orders[shown - 1].id.to_string();
  else if (!list.is_all) next = std::to_string(list.ranges.back().first.sale_no());
  if (!next.empty()) body += ",\"next_cursor\":\"" + next + '"';
  return body + '}';
}

}  // namespace flashsale::api
