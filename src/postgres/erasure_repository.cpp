#include "flashsale/postgres/erasure_repository.hpp"

#include <algorithm>
#include <set>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/postgres/error.hpp"
#include "row_reader.hpp"
#include "sale_rows.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

struct FoundOrders {
  std::vector<OrderId> ids;
  std::set<std::int32_t> sale_nos;
};

FoundOrders find_some(pqxx::transaction_base& tx, const std::string& customer_id, std::int32_t limit) {
  FoundOrders found;
  for (const auto& row : execute(tx, embedded::erasure_find_sql, customer_id, limit)) {
    found.ids.push_back(read_order_id(row[0]));
    if (const auto sale_no = row[1].as<std::int32_t>(); sale_no != 0) found.sale_nos.insert(sale_no);
  }
  return found;
}

/// Locks as every other change does: orders before, then items, sales, directory. The ids of the sales.
std::vector<std::string> raise_epochs(pqxx::transaction_base& tx, const std::set<std::int32_t>& sale_nos) {
  std::vector<std::string> sale_ids;
  const std::vector<std::int32_t> numbers(sale_nos.begin(), sale_nos.end());
  const std::string sales = array_of(numbers);
  execute(tx, "SELECT item_no FROM items WHERE sale_no = ANY ($1::integer[]) ORDER BY item_no FOR NO KEY UPDATE",
          sales);
  for (const auto& row : execute(tx, embedded::erasure_epochs_sql, sales)) {
    sale_ids.push_back(row[0].as<std::string>());
  }
  execute(tx,
          "UPDATE items SET epoch = sales.epoch FROM sales"
          " WHERE sales.sale_no = items.sale_no AND sales.sale_no = ANY ($1::integer[])",
          sales);
  for (const auto sale_no : numbers) publish_sale(tx, sale_no);
  return sale_ids;
}

ErasedOrders erase_in(pqxx::transaction_base& tx, const std::string& customer_id, const std::string& pseudonym,
                      std::int32_t limit, std::string_view who) {
  const auto found = find_some(tx, customer_id, limit);
  if (found.ids.empty()) {
    // Whoever has erased them may have been left in doubt.
    commit_found(tx);
    return {};
  }
  const auto ids = array_of(found.ids);
  const auto changed = execute(tx, embedded::erasure_orders_sql, ids, customer_id, pseudonym);
  const auto archived = execute(tx, embedded::erasure_archived_orders_sql, ids, customer_id, pseudonym);
  ErasedOrders erased;
  erased.orders = static_cast<std::int64_t>(changed.affected_rows() + archived.affected_rows());
  erased.sale_ids = raise_epochs(tx, found.sale_nos);
  write_log(tx, who, "customer.erased", pseudonym, "{\"orders\":" + std::to_string(erased.orders) + "}");
  commit(tx);
  return erased;
}

}  // namespace

Result<ErasedOrders> erase_orders(Session& session, std::string_view customer_id, std::string_view pseudonym,
                                  std::int32_t limit, std::string_view who) {
  if (customer_id.find('\0') != std::string_view::npos) return Error(Failure::data_refused);
  ErasedOrders erased;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    erased = erase_in(tx, std::string(customer_id), std::string(pseudonym), limit, who);
  });
  if (error) return error;
  return erased;
}

}  // namespace flashsale::postgres
