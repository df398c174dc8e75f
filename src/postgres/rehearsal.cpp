#include "flashsale/postgres/rehearsal.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/postgres/error.hpp"
#include "sale_rows.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// A rehearsal may have been as large as the sale that it is for.
constexpr std::chrono::seconds kLongDelete{60};

struct Items {
  std::int32_t first = 0;
  std::int32_t last = 0;
  std::string all;  ///< array literal
};

Items items_of(const Sale& sale) {
  std::vector<std::int32_t> numbers;
  for (const auto& item : sale.items) numbers.push_back(item.item_no);
  return {numbers.front(), numbers.back(), array_of(numbers)};
}

std::int64_t remove_orders(pqxx::transaction_base& tx, const Items& items) {
  execute(tx, embedded::rehearsal_remove_payments_sql, items.first, items.last, items.all);
  return static_cast<std::int64_t>(
      execute(tx, embedded::rehearsal_remove_orders_sql, items.first, items.last, items.all).affected_rows());
}

ResetResult reset_in(Session& session, pqxx::work& tx, std::string_view sale_id, std::string_view who) {
  SaleFilter filter;
  filter.sale_id = sale_id;
  auto sales = read_sales(tx, filter);
  if (sales.empty()) return {ResetResult::Outcome::unknown_sale, {}, 0, 0};
  const auto& sale = sales.front();
  if (!sale.rehearsal) return {ResetResult::Outcome::no_rehearsal, {}, 0, 0};
  tx.exec("SET LOCAL statement_timeout = '60s'");
  session.more_time(kLongDelete);
  const auto items = items_of(sale);
  ResetResult result;
  // Most of them before the items are locked, as everybody else locks them; then those that were written meanwhile.
  result.orders = remove_orders(tx, items);
  execute(tx, embedded::items_lock_sql, items.all);
  result.orders += remove_orders(tx, items);
  const auto raised = execute(
      tx, "UPDATE sales SET epoch = epoch + 1, let_go = false WHERE sale_no = $1 RETURNING epoch", sale.sale_no);
  const auto epoch = raised[0][0].as<std::int64_t>();
  execute(tx, "UPDATE items SET epoch = $2, sold = 0 WHERE sale_no = $1", sale.sale_no, epoch);
  execute(tx, "DELETE FROM sale_refusals WHERE sale_no = $1", sale.sale_no);
  write_log(tx, who, "rehearsal.reset", sale.id, "{\"orders\":" + std::to_string(result.orders) + "}");
  publish_sale(tx, sale.sale_no);
  result.sale = read_sales(tx, filter).front();
  result.old_epoch = epoch - 1;
  commit(tx);
  return result;
}

}  // namespace

Result<ResetResult> reset_rehearsal(Session& session, std::string_view sale_id, std::string_view who) {
  if (sale_id.empty() || sale_id.find('\0') != std::string_view::npos) {
    return ResetResult{ResetResult::Outcome::unknown_sale, {}, 0, 0};
  }
  ResetResult result;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    result = reset_in(session, tx, sale_id, who);
  });
  if (error) return error;
  return result;
}

}  // namespace flashsale::postgres
