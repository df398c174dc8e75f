#include "archived_rows.hpp"

#include <span>
#include <utility>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "row_reader.hpp"
#include "statement.hpp"

namespace flashsale::postgres {

std::vector<Order> read_archived(pqxx::transaction_base& tx, std::int32_t sale_no, const std::string& ids) {
  std::vector<Order> orders;
  for (const auto& row : execute(tx, embedded::archived_orders_find_sql, sale_no, ids))
    orders.push_back(read_order(row));
  return orders;
}

std::optional<Order> give_way_to_archived(pqxx::transaction_base& tx, const OrderId& id) {
  const auto ids = array_of(std::span(&id, 1));
  auto archived = read_archived(tx, id.sale_no(), ids);
  if (archived.empty()) return std::nullopt;
  execute(tx, embedded::orders_remove_stale_sql, id.sale_no(), ids);
  return std::move(archived.front());
}

}  // namespace flashsale::postgres
