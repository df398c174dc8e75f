#include "store_reader.hpp"

#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>

#include "buyers.hpp"
#include "flashsale/postgres/pqxx.hpp"

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

OrderId order_id_of(const pqxx::row& row) {
  const auto id = OrderId::parse(row[0].c_str());
  if (!id) throw std::runtime_error("a payment's order has no readable id");
  return *id;
}

/// Also payments of this run for orders that are not there.
void read_payments(pqxx::transaction_base& tx, const std::string& sale, const std::string& run_mark,
                   StoreContents& contents) {
  const std::string own = tx.quote(payment_id_prefix(run_mark));
  const std::string is_ours = " IN (SELECT order_id FROM order_units WHERE sale_id = " + sale + ") OR starts_with(";
  for (const pqxx::row& row : tx.exec("SELECT order_id, payment_id, succeeded, outcome FROM payment_events"
                                      " WHERE order_id" +
                                      is_ours + "payment_id, " + own + ")")) {
    contents.payments.push_back(
        {order_id_of(row), row[1].as<std::string>(), row[2].as<bool>(), static_cast<PaymentOutcome>(row[3].as<int>())});
  }
  for (const pqxx::row& row :
       tx.exec("SELECT order_id, payment_id FROM refunds WHERE order_id" + is_ours + "payment_id, " + own + ")")) {
    contents.refunds.push_back({order_id_of(row), row[1].as<std::string>()});
  }
}

/// The view does not show it.
void read_marks(pqxx::transaction_base& tx, std::vector<StoredOrder>& orders) {
  std::set<OrderId> marked;
  for (const pqxx::row& row : tx.exec("SELECT order_id FROM orders WHERE refund_required")) {
    marked.insert(order_id_of(row));
  }
  for (StoredOrder& order : orders) order.refund_required = marked.contains(order.id);
}

}  // namespace

SaleIdentity read_sale_identity(const std::string& postgres_url, const std::string& sale_id) {
  pqxx::connection connection(postgres_url);
  pqxx::work tx(connection);
  const auto rows = tx.exec("SELECT sale_no, order_salt FROM sales, directory WHERE sale_id = " + tx.quote(sale_id));
  if (rows.empty()) throw std::runtime_error("PostgreSQL has no sale " + sale_id);
  const auto salt = OrderIdSalt::parse(rows[0][1].c_str());
  if (!salt) throw std::runtime_error("PostgreSQL has no readable salt of order ids");
  return {*salt, rows[0][0].as<std::int32_t>()};
}

bool has_open_payments(const std::string& postgres_url, const Expectation& expectation) {
  pqxx::connection connection(postgres_url);
  pqxx::work tx(connection);
  const auto rows =
      tx.exec("SELECT EXISTS (SELECT FROM order_units LEFT JOIN payment_events USING (order_id) WHERE sale_id = " +
              tx.quote(expectation.sale_id) +
              " AND (status = 'awaiting_payment' OR outcome <= 1)) OR EXISTS (SELECT FROM payment_events"
              " WHERE outcome <= 1 AND starts_with(payment_id, " +
              tx.quote(payment_id_prefix(expectation.run_mark)) + "))");
  return rows[0][0].as<bool>();
}

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
  if (expectation.is_to_be_paid) {
    read_payments(tx, sale, expectation.run_mark, contents);
    read_marks(tx, contents.orders);
  }
  return contents;
}

}  // namespace flashsale::load
