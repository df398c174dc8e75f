#include "row_reader.hpp"

#include <string>
#include <string_view>

namespace flashsale::postgres {

TimePoint read_time(const pqxx::field& field) {
  constexpr std::string_view kUtc = "+00";
  std::string text(field.c_str(), field.size());
  if (text.size() > kUtc.size() + 10 && text.ends_with(kUtc)) {
    text[10] = 'T';
    text.replace(text.size() - kUtc.size(), kUtc.size(), "Z");
    if (const auto time = parse_rfc3339(text)) return *time;
  }
  throw pqxx::conversion_error("not a time in UTC");
}

OrderId read_order_id(const pqxx::field& field) {
  const auto id = OrderId::parse({field.c_str(), field.size()});
  if (!id) throw pqxx::conversion_error("not a UUID");
  return *id;
}

Order read_order(const pqxx::row& row) {
  Order order;
  order.id = read_order_id(row[0]);
  order.item_no = row[1].as<std::int32_t>();
  order.customer_id.assign(row[2].c_str(), row[2].size());
  order.quantity = row[3].as<std::int32_t>();
  order.status = static_cast<OrderStatus>(row[4].as<int>());
  order.created_at = read_time(row[5]);
  if (!row[6].is_null()) order.expires_at = read_time(row[6]);
  if (!row[7].is_null()) order.reason.assign(row[7].c_str(), row[7].size());
  order.generation = row[8].as<std::int32_t>();
  order.refund_required = row[9].as<bool>();
  return order;
}

}  // namespace flashsale::postgres
