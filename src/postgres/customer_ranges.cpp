#include "customer_ranges.hpp"

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "statement.hpp"

namespace flashsale::postgres {

std::set<std::int32_t> sales_with_orders(pqxx::transaction_base& tx, const std::string& customer_id,
                                         std::span<const OrderId> firsts) {
  ArrayLiteral sales, first, last;
  for (const auto& id : firsts) {
    sales.add(std::int64_t{id.sale_no()});
    first.add(id);
    last.add(id.last_of_customer());
  }
  std::set<std::int32_t> found;
  for (const auto& row :
       execute(tx, embedded::sales_of_customer_sql, sales.close(), first.close(), last.close(), customer_id)) {
    found.insert(row[0].as<std::int32_t>());
  }
  return found;
}

}  // namespace flashsale::postgres
