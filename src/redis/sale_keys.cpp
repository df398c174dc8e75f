#include "sale_keys.hpp"

namespace flashsale::redis {

SaleKeys::SaleKeys(std::string_view sale_id, std::int64_t epoch) {
  fence.append("fs:{").append(sale_id).append("}");
  const std::string prefix = fence + ":" + std::to_string(epoch);
  items = prefix + ":items";
  orders = prefix + ":orders";
  buyers = prefix + ":buyers";
  log = prefix + ":log";
}

std::string lease_key(std::string_view sale_id, std::string_view kind) {
  return std::string("fs:{").append(sale_id).append("}:lease:").append(kind);
}

std::string units_field(std::int32_t item_no, std::string_view customer_id) {
  return std::to_string(item_no).append(":").append(customer_id);
}

std::string customer_field(std::string_view customer_id) { return std::string(":").append(customer_id); }

}  // namespace flashsale::redis
