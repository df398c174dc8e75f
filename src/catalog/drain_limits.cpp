#include "drain_limits.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>

#include "flashsale/model/identifier.hpp"
#include "flashsale/model/rejection_reason.hpp"

namespace flashsale::catalog {
namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

std::int64_t limit_of(const Sale& sale, std::int32_t item_no) {
  const auto* item = sale.find_item(item_no);
  return item && item->limit_per_customer > 0 ? item->limit_per_customer : kNoLimit;
}

bool is_limited(const Sale& sale, const Order& order) {
  const auto has_limit = [&](const OrderLine& line) { return limit_of(sale, line.item_no) != kNoLimit; };
  return std::ranges::any_of(order.lines, has_limit) && is_valid_customer_id(order.customer_id);
}

}  // namespace

std::map<std::string, OrderId> find_limited_customers(const Sale& sale, std::span<const postgres::NewOrder> orders) {
  std::map<std::string, OrderId> customers;
  for (const auto& one : orders) {
    if (is_limited(sale, one.order)) customers.emplace(one.order.customer_id, one.order.id);
  }
  return customers;
}

void refuse_above_limit(const Sale& sale, std::span<const Order> rows, std::span<postgres::NewOrder> orders) {
  // Until when the row of an id is its last word: another try of a key that was refused comes later.
  std::unordered_map<OrderId, TimePoint, OrderIdHash> written;
  std::map<std::pair<std::int32_t, std::string>, std::int64_t> units_of;
  for (const auto& row : rows) {
    written[row.id] = row.status == OrderStatus::rejected ? row.created_at : TimePoint::max();
    if (!is_live(row.status)) continue;
    for (const auto& line : row.lines) units_of[{line.item_no, row.customer_id}] += line.quantity;
  }
  for (auto& one : orders) {
    auto& order = one.order;
    const auto row = written.find(order.id);
    if (!is_limited(sale, order) || (row != written.end() && order.created_at <= row->second)) continue;
    const auto fits = [&, &customer_id = order.customer_id](const OrderLine& line) {
      return units_of[{line.item_no, customer_id}] + line.quantity <= limit_of(sale, line.item_no);
    };
    if (std::ranges::all_of(order.lines, fits)) {
      for (const auto& line : order.lines) units_of[{line.item_no, order.customer_id}] += line.quantity;
      continue;
    }
    order.status = OrderStatus::rejected;
    order.reason = to_string(RejectionReason::limit_exceeded);
  }
}

bool is_within_limit(const Sale& sale, std::span<const Order> rows, const Order& taken) {
  return std::ranges::all_of(taken.lines, [&](const OrderLine& line) {
    std::int64_t units = units_of(taken.lines, line.item_no);
    for (const auto& row : rows) {
      if (is_live(row.status) && row.id != taken.id) units += units_of(row.lines, line.item_no);
    }
    return units <= limit_of(sale, line.item_no);
  });
}

}  // namespace flashsale::catalog
