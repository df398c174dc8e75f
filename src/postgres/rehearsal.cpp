#include "flashsale/postgres/rehearsal.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "embedded/flashsale_postgres.hpp"
#include "flashsale/model/identifier.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "sale_rows.hpp"
#include "sale_scan.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// Of one transaction: it must not hold up what the others wait for.
constexpr std::int32_t kRemoveAtOnce = 2000;

std::int64_t remove_orders(pqxx::transaction_base& tx, const ItemRange& items) {
  const auto gone =
      execute(tx, embedded::rehearsal_remove_orders_sql, items.first, items.last, items.all, kRemoveAtOnce);
  return gone[0][0].as<std::int64_t>();
}

/// Empty: there is no rehearsal of this id, and `result` says why.
std::optional<Sale> find_rehearsal(pqxx::transaction_base& tx, std::string_view sale_id, ResetResult& result) {
  SaleFilter filter;
  filter.sale_id = sale_id;
  auto sales = read_sales(tx, filter);
  if (sales.empty()) result.outcome = ResetResult::Outcome::unknown_sale;
  else if (!sales.front().rehearsal) result.outcome = ResetResult::Outcome::no_rehearsal;
  else return std::move(sales.front());
  return std::nullopt;
}

/// Some of the orders; how many. Until all are gone the items count too many as sold, never too few. Should this call
/// not come to its end, another one does.
std::int64_t remove_some(pqxx::work& tx, std::string_view sale_id, ResetResult& result) {
  const auto sale = find_rehearsal(tx, sale_id, result);
  if (!sale) return 0;
  const auto removed = remove_orders(tx, items_of(*sale));
  execute(tx, "UPDATE sales SET reset_progress_at = now() WHERE sale_no = $1", sale->sale_no);
  commit(tx);
  FLASHSALE_FAULT_POINT("rehearsal.some_removed");
  return removed;
}

/// What was written meanwhile, and the end of it: under the items' locks nobody adds an order.
void reset_in(pqxx::work& tx, std::string_view sale_id, std::string_view who, ResetResult& result) {
  const auto sale = find_rehearsal(tx, sale_id, result);
  if (!sale) return;
  const auto items = items_of(*sale);
  execute(tx, embedded::items_lock_sql, items.all);
  for (auto removed = remove_orders(tx, items); removed > 0; removed = remove_orders(tx, items)) {
    result.orders += removed;
  }
  execute(tx, embedded::rehearsal_remove_late_refunds_sql);
  execute(tx, "DELETE FROM sale_refusals WHERE sale_no = $1", sale->sale_no);
  // One that was closed opens again by its times.
  const auto raised =
      execute(tx,
              "UPDATE sales SET epoch = epoch + 1, reset_epoch = epoch + 1, let_go = false,"
              " reset_progress_at = NULL, version = version + 1,"
              " state = CASE WHEN state = $2::smallint THEN $3::smallint ELSE state END"
              " WHERE sale_no = $1 RETURNING epoch",
              sale->sale_no, static_cast<int>(SaleState::closed), static_cast<int>(SaleState::scheduled));
  const auto epoch = raised[0][0].as<std::int64_t>();
  execute(tx, "UPDATE items SET epoch = $2, sold = 0 WHERE sale_no = $1", sale->sale_no, epoch);
  write_log(tx, who, "rehearsal.reset", sale->id, "{\"orders\":" + std::to_string(result.orders) + "}");
  publish_sale(tx, sale->sale_no);
  result.sale = *find_rehearsal(tx, sale_id, result);
  commit(tx);
}

}  // namespace

Result<ResetResult> reset_rehearsal(Session& session, std::string_view sale_id, std::string_view who) {
  if (!is_valid_identifier(sale_id)) {
    return ResetResult{ResetResult::Outcome::unknown_sale, {}, 0};
  }
  ResetResult result;
  for (std::int64_t removed = kRemoveAtOnce; removed == kRemoveAtOnce; result.orders += removed) {
    const Error error = session.run([&](pqxx::connection& connection) {
      pqxx::work tx(connection);
      removed = remove_some(tx, sale_id, result);
    });
    if (error) return error;
    if (result.outcome != ResetResult::Outcome::reset) return result;
  }
  const auto removed_before = result.orders;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    result.orders = removed_before;
    reset_in(tx, sale_id, who, result);
  });
  if (error) return error;
  return result;
}

Result<std::vector<std::string>> unfinished_resets(Session& session, std::chrono::seconds older_than) {
  std::vector<std::string> sale_ids;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    sale_ids.clear();
    const auto rows = execute(tx,
                              "SELECT sale_id FROM sales WHERE reset_progress_at <= now() - $1 * interval '1 second'"
                              " ORDER BY sale_no",
                              older_than.count());
    for (const auto& row : rows) sale_ids.push_back(row[0].as<std::string>());
  });
  if (error) return error;
  return sale_ids;
}

}  // namespace flashsale::postgres
