#include "sale_rows.hpp"

#include <map>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "row_reader.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

Sale read_sale(const pqxx::row& row) {
  Sale sale;
  sale.sale_no = row[0].as<std::int32_t>();
  sale.id = row[1].as<std::string>();
  sale.name = row[2].as<std::string>();
  sale.state = static_cast<SaleState>(row[3].as<int>());
  sale.starts_at = read_time(row[4]);
  sale.ends_at = read_time(row[5]);
  sale.payment = static_cast<PaymentMode>(row[6].as<int>());
  sale.payment_window_s = row[7].as<std::int32_t>();
  sale.queue = {row[8].as<bool>(), row[9].as<std::int32_t>(), row[10].as<std::int32_t>()};
  sale.version = row[11].as<std::int64_t>();
  sale.epoch = row[12].as<std::int64_t>();
  sale.created_at = read_time(row[13]);
  sale.rehearsal = row[14].as<bool>();
  sale.let_go = row[15].as<bool>();
  sale.archived = row[16].as<bool>();
  sale.max_orders_per_customer = row[17].as<std::int32_t>();
  sale.max_quantity_per_order = row[18].as<std::int32_t>();
  sale.is_draft = row[19].as<bool>();
  sale.payment_attempts = row[20].as<std::int32_t>();
  sale.cancellation = static_cast<CancellableUntil>(row[21].as<int>());
  return sale;
}

Item read_item(const pqxx::row& row) {
  Item item;
  item.item_no = row[1].as<std::int32_t>();
  item.sku = row[2].as<std::string>();
  item.name = row[3].as<std::string>();
  item.price = {row[4].as<std::int64_t>(), row[5].as<std::string>()};
  item.stock = row[6].as<std::int64_t>();
  item.sold = row[7].as<std::int64_t>();
  item.limit_per_customer = row[8].as<std::int32_t>();
  item.stock_version = row[9].as<std::int64_t>();
  return item;
}

std::optional<Sale> first_of(std::vector<Sale> sales) {
  if (sales.empty()) return std::nullopt;
  return std::move(sales.front());
}

}  // namespace

std::vector<Sale> read_sales(pqxx::transaction_base& tx, const SaleFilter& filter) {
  std::vector<Sale> sales;
  const auto rows = execute(tx, embedded::sales_select_sql, filter.changed_after, filter.after_sale_no, filter.limit,
                            filter.sale_id, filter.sale_no);
  std::map<std::int32_t, std::size_t> places;
  std::vector<std::int32_t> numbers;
  for (const auto& row : rows) {
    sales.push_back(read_sale(row));
    places.emplace(sales.back().sale_no, sales.size() - 1);
    numbers.push_back(sales.back().sale_no);
  }
  if (sales.empty()) return sales;
  for (const auto& row : execute(tx, embedded::items_of_sales_sql, array_of(numbers))) {
    sales[places.at(row[0].as<std::int32_t>())].items.push_back(read_item(row));
  }
  return sales;
}

std::optional<Sale> read_sale(pqxx::transaction_base& tx, std::int32_t sale_no) {
  SaleFilter filter;
  filter.sale_no = sale_no;
  return first_of(read_sales(tx, filter));
}

std::optional<Sale> read_sale(pqxx::transaction_base& tx, std::string_view sale_id) {
  SaleFilter filter;
  filter.sale_id = sale_id;
  return first_of(read_sales(tx, filter));
}

void lock_items(pqxx::transaction_base& tx, std::int32_t sale_no) {
  execute(tx, "SELECT item_no FROM items WHERE sale_no = $1 ORDER BY item_no FOR NO KEY UPDATE", sale_no);
}

bool lock_sale(pqxx::transaction_base& tx, std::int32_t sale_no) {
  return !execute(tx, "SELECT sale_no FROM sales WHERE sale_no = $1 FOR NO KEY UPDATE", sale_no).empty();
}

void publish_sale(pqxx::transaction_base& tx, std::int32_t sale_no) {
  execute(tx, embedded::sale_publish_sql, sale_no);
}

void write_log(pqxx::transaction_base& tx, std::string_view who, std::string_view action, std::string_view subject,
               std::string_view change) {
  execute(tx, "INSERT INTO admin_log (who, action, subject, change) VALUES ($1, $2, $3, $4)", std::string(who),
          std::string(action), std::string(subject), std::string(change));
}

}  // namespace flashsale::postgres
