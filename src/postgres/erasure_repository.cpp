#include "flashsale/postgres/erasure_repository.hpp"

#include <algorithm>

#include "customer_ranges.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/outbox.hpp"
#include "outbox_rows.hpp"
#include "row_query.hpp"
#include "row_reader.hpp"
#include "sale_rows.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

std::vector<SaleOfCustomer> find_in(pqxx::transaction_base& tx, const std::string& customer_id) {
  const auto salt = OrderIdSalt::parse(tx.exec("SELECT order_salt FROM directory")[0][0].as<std::string>()).value();
  std::vector<SaleOfCustomer> sales;
  std::vector<OrderId> firsts;
  for (const auto& row : tx.exec("SELECT sale_no, sale_id FROM sales ORDER BY sale_no")) {
    const auto sale_no = row[0].as<std::int32_t>();
    firsts.push_back(OrderId::derive(salt, sale_no, customer_id, {}).first_of_customer());
    sales.push_back({sale_no, row[1].as<std::string>(), firsts.back()});
  }
  const auto found = sales_with_orders(tx, customer_id, firsts);
  std::erase_if(sales, [&](const SaleOfCustomer& sale) { return !found.contains(sale.sale_no); });
  return sales;
}

/// RETURNING keeps no order.
OrderId last_of(const pqxx::result& rows) {
  OrderId last;
  for (const auto& row : rows) last = std::max(last, read_order_id(row[0]));
  return last;
}

/// It is numbered behind the changes of orders that it meets in one look.
constexpr std::int32_t kBehindOrders = 1'000'000'000;

/// Others can only follow if they are told whose name it was. The event goes when all have been told and its time is
/// over, as every event does.
void tell_of_erasure(pqxx::transaction_base& tx, const SaleOfCustomer& sale, const std::string& customer_id,
                     const std::string& pseudonym, std::int64_t orders) {
  if (!leaves_events()) return;
  std::string json = "{";
  append_text(json, "customer_id", customer_id);
  append_text(json, "pseudonym", pseudonym);
  append_text(json, "sale_id", sale.sale_id);
  append_number(json, "orders", orders);
  OutboxRows rows;
  rows.add_event(EventType::customer_erased, kBehindOrders, json + "}");
  rows.insert(tx, sale.sale_no);
}

/// Where the customer's orders came from and what they were paid with, as far as anybody is yet to be told of it.
void erase_origins(pqxx::transaction_base& tx, std::int32_t sale_no, const std::string& first,
                   const std::string& last) {
  execute(tx, embedded::erasure_payments_sql, sale_no, first, last);
  execute(tx, embedded::outbox_erase_origins_sql, sale_no, first, last);
  execute(tx, embedded::outbox_erase_origins_of_batches_sql, sale_no, first, last,
          static_cast<std::int32_t>(kHashDigits));
}

ErasedOrders erase_in(pqxx::transaction_base& tx, const SaleOfCustomer& sale, const std::string& customer_id,
                      const std::string& pseudonym, const OrderId& after, std::int32_t limit, std::string_view who) {
  const auto first = sale.first.to_string();
  const auto last = sale.first.last_of_customer().to_string();
  ErasedOrders erased;
  for (const auto sql : {embedded::erasure_orders_sql, embedded::erasure_archived_orders_sql}) {
    const auto rows = execute(tx, sql, sale.sale_no, after.to_string(), first, last, customer_id, pseudonym, limit);
    erased.count += static_cast<std::int64_t>(rows.size());
    if (static_cast<std::int64_t>(rows.size()) < limit) continue;
    const auto last_row = last_of(rows);
    // What the other table has behind its last one is not erased yet.
    erased.last = erased.last ? std::min(*erased.last, last_row) : last_row;
  }
  if (erased.count == 0) {
    // Whoever has erased them may have been left in doubt.
    commit_found(tx);
    return erased;
  }
  execute(tx, embedded::erased_names_add_sql, sale.sale_no, pseudonym, first);
  execute(tx, embedded::outbox_erase_reasons_sql, sale.sale_no, first, last);
  erase_origins(tx, sale.sale_no, first, last);
  tell_of_erasure(tx, sale, customer_id, pseudonym, erased.count);
  write_log(tx, who, "customer.erased", pseudonym, "{\"orders\":" + std::to_string(erased.count) + "}");
  commit(tx);
  return erased;
}

}  // namespace

Result<std::vector<SaleOfCustomer>> find_sales_of_customer(Session& session, std::string_view customer_id) {
  if (customer_id.find('\0') != std::string_view::npos) return Error(Failure::data_refused);
  std::vector<SaleOfCustomer> sales;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    sales = find_in(tx, std::string(customer_id));
  });
  if (error) return error;
  return sales;
}

Result<ErasedOrders> erase_orders(Session& session, const SaleOfCustomer& sale, std::string_view customer_id,
                                  std::string_view pseudonym, const OrderId& after, std::int32_t limit,
                                  std::string_view who) {
  ErasedOrders erased;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    erased = erase_in(tx, sale, std::string(customer_id), std::string(pseudonym), after, limit, who);
  });
  if (error) return error;
  return erased;
}

Result<std::vector<ErasedName>> find_erased_names(Session& session, std::string_view pseudonym, std::int32_t limit,
                                                  const ErasedName* after) {
  const std::string after_pseudonym = after != nullptr ? after->pseudonym : std::string();
  const std::int32_t after_sale = after != nullptr ? after->sale_no : 0;
  const auto read = [](const pqxx::row& row) {
    return ErasedName{row[0].as<std::string>(),  row[1].as<std::int32_t>(), row[2].as<std::string>(),
                      row[3].as<std::int64_t>(), row[4].as<bool>(),         read_order_id(row[5])};
  };
  return read_rows<ErasedName>(session, read, embedded::erased_names_find_sql, std::string(pseudonym), limit,
                               after_pseudonym, after_sale);
}

Result<std::vector<OrderId>> find_erased_orders(Session& session, const ErasedName& name, const OrderId& after,
                                                std::int32_t limit) {
  const auto read = [](const pqxx::row& row) { return read_order_id(row[0]); };
  return read_rows<OrderId>(session, read, embedded::erased_orders_sql, name.sale_no, name.pseudonym, after.to_string(),
                            name.first.to_string(), name.first.last_of_customer().to_string(), limit);
}

Error forget_erased_name(Session& session, const ErasedName& name) {
  return session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    execute(tx, "DELETE FROM erased_names WHERE sale_no = $1 AND pseudonym = $2", name.sale_no, name.pseudonym);
    commit(tx);
  });
}

}  // namespace flashsale::postgres
