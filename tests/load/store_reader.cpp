#include "store_reader.hpp"

#include <functional>
#include <map>
#include <pqxx/pqxx>
#include <stdexcept>
#include <string_view>

#include "buyers.hpp"

namespace flashsale::load {
namespace {

// A cursor, since ten million rows at once would be held as text.
constexpr const char* kFetch = "FETCH 20000 FROM load_orders";

using ItemNumbers = std::map<std::string, std::uint16_t, std::less<>>;

std::uint64_t customer_of(std::string_view customer_id) {
  if (const auto buyer = buyer_of(customer_id)) return *buyer;
  return StoredOrder::kStranger | std::hash<std::string_view>{}(customer_id);
}

StoredOrder order_of(const pqxx::row& row, const ItemNumbers& numbers) {
  const auto id = OrderId::parse(row[0].c_str());
  const auto status = parse_order_status(row[4].c_str());
  if (!id || !status) throw std::runtime_error("the view order_units has a row that is no order");
  StoredOrder order;
  order.id = *id;
  order.customer = customer_of(row[1].c_str());
  order.quantity = row[3].as<std::int32_t>();
  order.status = *status;
  const auto item = numbers.find(std::string_view(row[2].c_str()));
  if (item != numbers.end()) order.item = item->second;
  return order;
}

void read_orders(pqxx::transaction_base& tx, const std::string& sale, const ItemNumbers& numbers,
                 std::vector<StoredOrder>& orders) {
  tx.exec(
      "DECLARE load_orders NO SCROLL CURSOR FOR SELECT order_id, customer_id, sku, quantity, status"
      " FROM order_units WHERE sale_id = " +
      sale);
  for (;;) {
    const pqxx::result rows = tx.exec(kFetch);
    if (rows.empty()) return;
    for (const pqxx::row& row : rows) orders.push_back(order_of(row, numbers));
  }
}

}  // namespace

StoreContents read_store(const std::string& postgres_url, const Expectation& expectation) {
  ItemNumbers numbers;
  StoreContents contents;
  for (const Expectation::Item& item : expectation.items) {
    numbers.emplace(item.sku, static_cast<std::uint16_t>(numbers.size()));
    contents.items.push_back({item.sku, 0, 0});
  }
  pqxx::connection connection(postgres_url);
  pqxx::work tx(connection);
  tx.exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
  const std::string sale = tx.quote(expectation.sale_id);
  read_orders(tx, sale, numbers, contents.orders);
  for (const pqxx::row& row : tx.exec("SELECT sku, stock, sold FROM item_stock WHERE sale_id = " + sale)) {
    const auto item = numbers.find(std::string_view(row[0].c_str()));
    if (item == numbers.end()) continue;
    contents.items[item->second] = {item->first, row[1].as<std::int64_t>(), row[2].as<std::int64_t>()};
  }
  return contents;
}

}  // namespace flashsale::load
