#include "item_units.hpp"

#include <cstdint>
#include <stdexcept>

#include "statement.hpp"

namespace flashsale::postgres {

void return_units(pqxx::transaction_base& tx, const Order& ended) {
  const auto item =
      execute(tx, "UPDATE items SET sold = sold - $2 WHERE item_no = $1", ended.item_no, std::int64_t{ended.quantity});
  if (item.affected_rows() != 1) throw std::runtime_error("an order's item is missing");
}

}  // namespace flashsale::postgres
