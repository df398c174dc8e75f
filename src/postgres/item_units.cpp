#include "item_units.hpp"

#include <stdexcept>
#include <string>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "statement.hpp"

namespace flashsale::postgres {

void add_units(ItemUnits& units, const Order& order) {
  for (const auto& line : order.lines) units[line.item_no] += line.quantity;
}

void free_units(pqxx::transaction_base& tx, std::int32_t sale_no, const ItemUnits& units) {
  ArrayLiteral items;
  ArrayLiteral counts;
  for (const auto& [item_no, count] : units) {
    items.add(std::int64_t{item_no});
    counts.add(count);
  }
  const std::string& item_array = items.close();
  // An UPDATE of several rows locks them in any order.
  if (units.size() > 1) execute(tx, embedded::items_lock_sql, sale_no, item_array);
  const auto updated = execute(tx, embedded::items_free_sql, sale_no, item_array, counts.close());
  if (static_cast<std::size_t>(updated.affected_rows()) != units.size()) {
    throw std::runtime_error("an order's item is missing");
  }
}

void free_units(pqxx::transaction_base& tx, const Order& ended) {
  ItemUnits units;
  add_units(units, ended);
  free_units(tx, ended.id.sale_no(), units);
}

}  // namespace flashsale::postgres
