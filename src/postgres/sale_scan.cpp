#include "sale_scan.hpp"

#include <vector>

#include "array_literal.hpp"

namespace flashsale::postgres {

void allow_long_reads(Session& session, pqxx::transaction_base& tx) {
  tx.exec("SET LOCAL statement_timeout = '60s'");
  session.more_time(kLongRead);
}

ItemRange items_of(const Sale& sale) {
  std::vector<std::int32_t> numbers;
  for (const auto& item : sale.items) numbers.push_back(item.item_no);
  return {numbers.front(), numbers.back(), array_of(numbers), sale.archived};
}

}  // namespace flashsale::postgres
