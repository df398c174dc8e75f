#include "paid_order.hpp"

#include <map>
#include <stdexcept>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "order_changes.hpp"
#include "row_reader.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

PaidOrder read(const pqxx::row& row) {
  PaidOrder order;
  order.shown.row = read_order(row);
  order.shown.given_back = row[kOrderColumns].as<bool>();
  order.shown.sale_id = row[kOrderColumns + 1].as<std::string>();
  order.shown.epoch = row[kOrderColumns + 6].as<std::int64_t>();
  order.due.status = order.shown.row.status;
  order.due.payment = static_cast<PaymentMode>(row[kOrderColumns + 2].as<int>());
  order.due.due = {row[kOrderColumns + 3].as<std::int64_t>(), row[kOrderColumns + 4].as<std::string>()};
  order.due.payment_failed = row[kOrderColumns + 5].as<bool>();
  order.due.is_archived = row[kOrderColumns + 7].as<bool>();
  order.due.attempts = row[kOrderColumns + 8].as<std::int64_t>();
  order.is_told_of = row[kOrderColumns + 9].as<bool>();
  return order;
}

}  // namespace

std::vector<PaidOrder> read_paid_orders(pqxx::transaction_base& tx, std::span<const OrderId> ids) {
  std::vector<PaidOrder> orders;
  if (ids.empty()) return orders;
  for (const auto& row : execute(tx, embedded::payment_orders_sql, ids.front().sale_no(), array_of(ids))) {
    orders.push_back(read(row));
  }
  return orders;
}

std::optional<PaidOrder> read_paid_order(pqxx::transaction_base& tx, const OrderId& id) {
  auto orders = read_paid_orders(tx, std::span(&id, 1));
  if (orders.empty()) return std::nullopt;
  return std::move(orders.front());
}

void confirm_paid(pqxx::transaction_base& tx, std::span<PaidOrder> orders) {
  std::vector<OrderId> ids;
  ids.reserve(orders.size());
  for (const auto& order : orders) ids.push_back(order.shown.row.id);
  const auto sale_no = ids.front().sale_no();
  std::map<OrderId, pqxx::row> confirmed;
  for (const auto& row : execute(tx, embedded::orders_confirm_paid_sql, sale_no, array_of(ids))) {
    confirmed.emplace(read_order_id(row[0]), row);
  }
  if (confirmed.size() != orders.size()) throw std::runtime_error("a locked order has changed");
  for (auto& order : orders) {
    Order& row = order.shown.row;
    row.status = OrderStatus::confirmed;
    row.expires_at.reset();
    row.refund_required = confirmed.at(row.id)[2].as<bool>();
  }
  note_change(tx, sale_no, orders, [&](const PaidOrder& order) {
    const auto change_no = confirmed.at(order.shown.row.id)[1].as<std::int32_t>();
    auto change = change_of(order.shown.row, change_no, OrderStatus::confirmed);
    change.trace = order.cause;
    change.card_hash = order.card_hash;
    return std::optional(change);
  });
}

}  // namespace flashsale::postgres
