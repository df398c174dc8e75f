#include "row_reader.hpp"

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

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

namespace {

OrderId parse_order_id(std::string_view text) {
  const auto id = OrderId::parse(text);
  if (!id) throw pqxx::conversion_error("not a UUID");
  return *id;
}

}  // namespace

OrderId read_order_id(const pqxx::field& field) { return parse_order_id({field.c_str(), field.size()}); }

std::vector<OrderId> read_order_ids(const pqxx::field& field) {
  constexpr std::size_t kUuidLength = 36;
  const std::string_view text(field.c_str(), field.size());
  std::vector<OrderId> ids;
  for (std::size_t at = 1; at + kUuidLength < text.size(); at += kUuidLength + 1) {
    ids.push_back(parse_order_id(text.substr(at, kUuidLength)));
  }
  return ids;
}

namespace {

/// Of an array in text form, `{1,2}`. (Each version of libpqxx has another parser for arrays.)
std::vector<std::int32_t> read_numbers(const pqxx::field& field) {
  std::string_view text(field.c_str(), field.size());
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') throw pqxx::conversion_error("not an array");
  text = text.substr(1, text.size() - 2);
  std::vector<std::int32_t> numbers;
  while (!text.empty()) {
    std::int32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (error != std::errc{} || (!text.empty() && text.front() != ',')) {
      throw pqxx::conversion_error("not an array of numbers");
    }
    if (!text.empty()) text.remove_prefix(1);
    numbers.push_back(number);
  }
  return numbers;
}

/// The lines behind the first.
void read_more_lines(const pqxx::row& row, OrderLines& lines) {
  const auto items = read_numbers(row[10]);
  const auto quantities = read_numbers(row[11]);
  if (items.size() != quantities.size() || items.size() >= kMaxOrderLines)
    throw pqxx::conversion_error("an order's lines are not whole");
  for (std::size_t i = 0; i < items.size(); ++i) lines.push_back({items[i], quantities[i]});
}

}  // namespace

Order read_order(const pqxx::row& row) {
  Order order;
  order.id = read_order_id(row[0]);
  order.lines.push_back({row[1].as<std::int32_t>(), row[3].as<std::int32_t>()});
  if (!row[10].is_null()) read_more_lines(row, order.lines);
  order.customer_id.assign(row[2].c_str(), row[2].size());
  order.status = static_cast<OrderStatus>(row[4].as<int>());
  order.created_at = read_time(row[5]);
  if (!row[6].is_null()) order.expires_at = read_time(row[6]);
  if (!row[7].is_null()) order.reason.assign(row[7].c_str(), row[7].size());
  order.generation = row[8].as<std::int32_t>();
  order.refund_required = row[9].as<bool>();
  return order;
}

}  // namespace flashsale::postgres
