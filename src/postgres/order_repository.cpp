#include "flashsale/postgres/order_repository.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <unordered_set>

#include "archived_rows.hpp"
#include "array_literal.hpp"
#include "customer_ranges.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "item_units.hpp"
#include "more_lines.hpp"
#include "order_changes.hpp"
#include "refund.hpp"
#include "row_query.hpp"
#include "row_reader.hpp"
#include "sale_rows.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

std::vector<Order> read_orders(const pqxx::result& rows) {
  std::vector<Order> orders;
  orders.reserve(static_cast<std::size_t>(rows.size()));
  for (const auto& row : rows) orders.push_back(read_order(row));
  return orders;
}

/// Empty when there is no such row.
std::optional<CancelResult> read_with_sale(pqxx::transaction_base& tx, const OrderId& id) {
  const auto rows = execute(tx, embedded::order_with_sale_sql, id.sale_no(), id.to_string());
  if (rows.empty()) return std::nullopt;
  CancelResult found;
  found.row = read_order(rows[0]);
  found.given_back = rows[0][kOrderColumns].as<bool>();
  found.sale_id = rows[0][kOrderColumns + 1].as<std::string>();
  return found;
}

CancelResult::Outcome outcome_of(const Order& row, bool changed) {
  if (changed) return CancelResult::Outcome::cancelled;
  return row.status == OrderStatus::cancelled ? CancelResult::Outcome::already_cancelled
                                              : CancelResult::Outcome::too_late;
}

void log_cancellation(pqxx::transaction_base& tx, const OrderId& id, std::string_view who) {
  if (!who.empty()) write_log(tx, who, "order.cancelled", id.to_string(), "{}");
}

/// Those of `ids` that are not among the orders any more. A statement of its own, and only when something is missing:
/// nearly always all are found at once, and one that reads both tables costs a third more.
void add_archived(pqxx::transaction_base& tx, std::int32_t sale_no, std::span<const OrderId> ids,
                  std::vector<Order>& orders) {
  std::unordered_set<OrderId, OrderIdHash> found;
  for (const auto& order : orders) found.insert(order.id);
  std::vector<OrderId> missing;
  for (const auto& id : ids) {
    if (!found.contains(id)) missing.push_back(id);
  }
  for (auto& order : read_archived(tx, sale_no, array_of(missing))) orders.push_back(std::move(order));
}

std::vector<Order> find_in_sale(pqxx::transaction_base& tx, std::int32_t sale_no, std::span<const OrderId> ids) {
  auto orders = read_orders(execute(tx, embedded::orders_find_sql, sale_no, array_of(ids)));
  if (orders.size() < ids.size()) add_archived(tx, sale_no, ids, orders);
  return orders;
}

std::map<std::int32_t, std::vector<OrderId>> by_sale(std::span<const OrderId> ids) {
  std::map<std::int32_t, std::vector<OrderId>> sales;
  for (const auto& id : ids) sales[id.sale_no()].push_back(id);
  return sales;
}

std::vector<Order> page_of_sale(pqxx::transaction_base& tx, const std::string& customer_id, const CustomerRange& range,
                                const OrderId& after, std::int32_t limit) {
  return read_orders(execute(tx, embedded::orders_of_customer_sql, range.first.sale_no(), after.to_string(),
                             range.first.to_string(), range.first.last_of_customer().to_string(), customer_id, limit,
                             range.may_be_archived));
}

CancelResult cancel_in(pqxx::work& tx, const OrderId& id, std::string_view customer_id, std::string_view reason,
                       std::string_view who) {
  auto found = read_with_sale(tx, id);
  if (!found || (!customer_id.empty() && found->row.customer_id != customer_id)) return {};
  // Waits for whoever is changing the row, then judges what they left.
  const bool by_its_buyer = who.empty() && !customer_id.empty();
  const auto cancelled =
      execute(tx, embedded::order_cancel_sql, id.sale_no(), id.to_string(), std::string(reason), by_its_buyer);
  const bool changed = !cancelled.empty();
  if (changed) {
    found->row.status = static_cast<OrderStatus>(cancelled[0][0].as<int>());
    note_change(tx, change_of(found->row, cancelled[0][1].as<std::int32_t>(), OrderStatus::cancelled, reason));
    free_units(tx, found->row);
    refund_cancelled(tx, id);
    log_cancellation(tx, id, who);
  } else {
    // A failed payment had ended it. Now its buyer has given it up: no later payment brings it back.
    execute(tx, "UPDATE orders SET payment_failed = NULL WHERE sale_no = $1 AND order_id = $2 AND payment_failed",
            id.sale_no(), id.to_string());
  }
  found = read_with_sale(tx, id);
  if (!found) throw std::runtime_error("an order has disappeared");
  found->outcome = outcome_of(found->row, changed);
  if (changed) {
    FLASHSALE_FAULT_POINT("cancel.before_commit");
    commit(tx);
  }
  if (found->outcome == CancelResult::Outcome::already_cancelled) commit_found(tx);
  return *found;
}

/// False: a row is in its place.
bool insert_cancelled(pqxx::transaction_base& tx, const Order& order, std::string_view reason) {
  const auto more = more_lines(order);
  const auto inserted =
      execute(tx, embedded::order_insert_cancelled_sql, order.id.sale_no(), order.id.to_string(),
              format_rfc3339(order.created_at), order.lines.front().item_no, order.lines.front().quantity,
              order.customer_id, std::string(reason), more.items, more.quantities);
  if (inserted.affected_rows() == 0) return false;
  // Whoever cancels may have been away for so long that the order was written and its sale archived.
  if (give_way_to_archived(tx, order.id)) return false;
  auto change = first_row(order, std::nullopt);
  change.after = OrderStatus::cancelled;
  change.reason = reason;
  note_change(tx, change);
  return true;
}

bool may_be_cancelled(pqxx::transaction_base& tx, const Order& order) {
  std::vector<std::int32_t> items;
  for (const auto& line : order.lines) items.push_back(line.item_no);
  const auto rows = execute(tx, embedded::sale_lets_buyers_cancel_sql, order.id.sale_no(), array_of(items));
  return !rows.empty() && rows[0][0].as<bool>();
}

CancelResult too_late_for(const Order& order) {
  CancelResult result;
  result.outcome = CancelResult::Outcome::too_late;
  result.row = order;
  return result;
}

}  // namespace

Result<std::vector<Order>> find_orders(Session& session, std::span<const OrderId> ids) {
  std::vector<Order> orders;
  if (ids.empty()) return orders;
  const auto sales = by_sale(ids);
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    orders.clear();
    for (const auto& [sale_no, of_sale] : sales)
      std::ranges::move(find_in_sale(tx, sale_no, of_sale), std::back_inserter(orders));
  });
  if (error) return error;
  return orders;
}

Result<std::vector<Order>> find_orders_of_customer(Session& session, std::string_view customer_id,
                                                   std::span<const CustomerRange> ranges,
                                                   const std::optional<OrderId>& after, std::int32_t limit) {
  std::vector<Order> orders;
  // A parameter ends at a NUL: the rest of it must not make this somebody else.
  if (customer_id.find('\0') != std::string_view::npos || ranges.empty()) return orders;
  const std::string customer(customer_id);
  std::vector<OrderId> firsts;
  for (const auto& range : ranges) firsts.push_back(range.first);
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    orders.clear();
    const auto sales = sales_with_orders(tx, customer, firsts);
    for (const auto& range : ranges) {
      const bool goes_on = after && after->sale_no() == range.first.sale_no();
      if (!goes_on && !sales.contains(range.first.sale_no())) continue;
      const auto left = limit - static_cast<std::int32_t>(orders.size());
      if (left <= 0) return;
      std::ranges::move(page_of_sale(tx, customer, range, goes_on ? *after : OrderId{}, left),
                        std::back_inserter(orders));
    }
  });
  if (error) return error;
  return orders;
}

Result<std::vector<Order>> find_orders_of_customers(Session& session, std::int32_t sale_no,
                                                    const std::map<std::string, OrderId>& customers) {
  std::vector<Order> orders;
  if (customers.empty()) return orders;
  ArrayLiteral names, first, last;
  for (const auto& [customer_id, order_id] : customers) {
    names.add_text(customer_id);
    first.add(order_id.first_of_customer());
    last.add(order_id.last_of_customer());
  }
  const std::string &name_array = names.close(), &first_array = first.close(), &last_array = last.close();
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    orders = read_orders(execute(tx, embedded::orders_of_customers_sql, sale_no, name_array, first_array, last_array));
  });
  if (error) return error;
  return orders;
}

Result<CancelResult> cancel_order(Session& session, const OrderId& id, std::string_view customer_id,
                                  std::string_view reason, std::string_view who) {
  CancelResult result;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    result = cancel_in(tx, id, customer_id, reason, who);
  });
  if (error) return error;
  return result;
}

Result<CancelResult> cancel_unwritten_order(Session& session, const Order& order, std::string_view reason,
                                            std::string_view who) {
  if (order.customer_id.find('\0') != std::string::npos) return Error(Failure::data_refused);
  CancelResult result;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    if (who.empty() && !may_be_cancelled(tx, order)) {
      // Judged by its row, if it has been written meanwhile.
      result = cancel_in(tx, order.id, order.customer_id, reason, who);
      if (result.outcome == CancelResult::Outcome::unknown) result = too_late_for(order);
      return;
    }
    if (!insert_cancelled(tx, order, reason)) {
      result = cancel_in(tx, order.id, order.customer_id, reason, who);
      return;
    }
    result = read_with_sale(tx, order.id).value();
    result.outcome = CancelResult::Outcome::cancelled;
    log_cancellation(tx, order.id, who);
    commit(tx);
  });
  if (error) return error;
  return result;
}

Error mark_given_back(Session& session, std::span<const Order> told) {
  std::map<std::int32_t, std::map<OrderId, std::int32_t>> sales;
  for (const auto& order : told) sales[order.id.sale_no()][order.id] = order.generation;
  Error failed;
  for (const auto& [sale_no, orders] : sales) {
    ArrayLiteral ids, generations;
    for (const auto& [id, generation] : orders) {
      ids.add(id);
      generations.add(std::int64_t{generation});
    }
    const std::string &id_array = ids.close(), &generation_array = generations.close();
    const Error error = session.run([&, sale_no = sale_no](pqxx::connection& connection) {
      pqxx::work tx(connection);
      execute(tx, embedded::orders_mark_given_back_sql, sale_no, id_array, generation_array);
      commit(tx);
    });
    // A trouble in one sale is none of the others'.
    if (error) failed = error;
  }
  return failed;
}

Result<std::vector<std::int32_t>> find_sales_with_freed_orders(Session& session, InRedis in_redis,
                                                               std::chrono::milliseconds older_than) {
  const auto read = [](const pqxx::row& row) { return row[0].as<std::int32_t>(); };
  return read_rows<std::int32_t>(session, read, embedded::sales_with_freed_orders_sql, older_than.count(),
                                 in_redis == InRedis::no);
}

Result<std::vector<FreedOrder>> find_freed_orders(Session& session, std::int32_t sale_no,
                                                  std::chrono::milliseconds older_than, std::int32_t limit,
                                                  const FreedOrder* after) {
  const std::string after_change = after != nullptr ? format_rfc3339(after->changed_at) : std::string();
  const std::string after_id = after != nullptr ? after->row.id.to_string() : std::string();
  const auto read = [](const pqxx::row& row) {
    return FreedOrder{read_order(row), row[kOrderColumns].as<std::string>(), row[kOrderColumns + 1].as<std::int64_t>(),
                      read_time(row[kOrderColumns + 2])};
  };
  return read_rows<FreedOrder>(session, read, embedded::orders_freed_sql, sale_no, older_than.count(), limit,
                               after_change, after_id);
}

}  // namespace flashsale::postgres
