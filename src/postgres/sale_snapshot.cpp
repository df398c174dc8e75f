#include <algorithm>
#include <string>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "row_reader.hpp"
#include "sale_rows.hpp"
#include "sale_scan.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// Column of orders_of_sale.
constexpr int kGivenBack = 12;

void stream_orders(Session& session, pqxx::transaction_base& tx, const Sale& sale, const SnapshotReader& reader,
                   std::int32_t chunk) {
  const std::string declare = "DECLARE rows_of_sale NO SCROLL CURSOR FOR " + std::string(embedded::orders_of_sale_sql);
  execute(tx, declare, sale.sale_no, sale.archived);
  const std::string fetch = "FETCH FORWARD " + std::to_string(std::max(chunk, 1)) + " FROM rows_of_sale";
  std::vector<Order> orders;
  for (;;) {
    session.more_time(kLongRead);
    const auto rows = tx.exec(fetch);
    if (rows.empty()) return;
    orders.clear();
    for (const auto& row : rows) {
      orders.push_back(read_order(row));
      if (reader.freed && !row[kGivenBack].is_null() && !row[kGivenBack].as<bool>()) {
        reader.freed(orders.back());
      }
    }
    if (!reader.orders(orders)) return;
  }
}

/// Before the rows of orders are counted, every item stands there with none.
SaleAudit audit_of(const Sale& sale) {
  SaleAudit audit;
  audit.epoch = sale.epoch;
  for (const auto& item : sale.items) {
    ItemAudit one;
    one.item_no = item.item_no;
    one.stock = item.stock;
    one.sold = item.sold;
    one.stock_version = item.stock_version;
    audit.items.push_back(one);
  }
  return audit;
}

void count_orders(pqxx::transaction_base& tx, const Sale& sale, TimePoint until, SaleAudit& audit) {
  const auto rows = execute(tx, embedded::orders_audit_sql, sale.sale_no, format_rfc3339(until), sale.archived);
  for (const auto& row : rows) {
    const auto item = std::ranges::find(audit.items, row[0].as<std::int32_t>(), &ItemAudit::item_no);
    item->live_units = row[1].as<std::int64_t>();
    item->live_units_until = row[2].as<std::int64_t>();
    item->freed_units_until = row[3].as<std::int64_t>();
    item->freed_units = row[4].as<std::int64_t>();
    if (!row[5].is_null()) item->newest = read_time(row[5]);
  }
}

void find_pending(pqxx::transaction_base& tx, std::int32_t sale_no, std::span<const OrderId> ids, SaleAudit& audit) {
  if (ids.empty()) return;
  const auto rows =
      execute(tx, "SELECT order_id, generation FROM orders WHERE sale_no = $1 AND order_id = ANY ($2::uuid[])", sale_no,
              array_of(ids));
  for (const auto& row : rows) audit.pending_with_row[read_order_id(row[0])] = row[1].as<std::int32_t>();
}

}  // namespace

Error read_snapshot(Session& session, std::int32_t sale_no, const SnapshotReader& reader, std::int32_t chunk) {
  bool found = false;
  // Once only: the callbacks have seen part of it.
  const Error error = session.run(
      [&](pqxx::connection& connection) {
        pqxx::work tx(connection);
        use_one_snapshot(tx);
        allow_long_reads(session, tx);
        const auto sale = read_sale(tx, sale_no);
        found = sale.has_value();
        if (!found || !reader.sale(*sale) || sale->items.empty()) return;
        stream_orders(session, tx, *sale, reader, chunk);
      },
      1);
  if (error) return error;
  return found ? Error() : Error(Failure::internal);
}

Result<SaleAudit> read_audit(Session& session, std::int32_t sale_no, TimePoint until,
                             std::span<const OrderId> pending_ids) {
  SaleAudit audit;
  bool found = false;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    use_one_snapshot(tx);
    allow_long_reads(session, tx);
    const auto sale = read_sale(tx, sale_no);
    found = sale.has_value();
    if (!found) return;
    audit = audit_of(*sale);
    if (!sale->items.empty()) count_orders(tx, *sale, until, audit);
    find_pending(tx, sale_no, pending_ids, audit);
  });
  if (error) return error;
  if (!found) return Error(Failure::internal);
  return audit;
}

}  // namespace flashsale::postgres
