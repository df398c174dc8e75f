#include "archived_rows.hpp"

#include "embedded/flashsale_postgres.hpp"
#include "row_reader.hpp"
#include "statement.hpp"

namespace flashsale::postgres {

std::vector<Order> read_archived(pqxx::transaction_base& tx, const std::string& ids) {
  std::vector<Order> orders;
  for (const auto& row : execute(tx, embedded::archived_orders_find_sql, ids)) orders.push_back(read_order(row));
  return orders;
}

}  // namespace flashsale::postgres
