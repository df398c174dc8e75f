#include "flashsale/postgres/erasure_repository.hpp"

#include <algorithm>
#include <set>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/postgres/error.hpp"
#include "row_query.hpp"
#include "row_reader.hpp"
#include "sale_rows.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

struct FoundOrders {
  std::vector<OrderId> ids;
  std::set<std::int32_t> sale_nos;
};

FoundOrders find_some(pqxx::transaction_base& tx, const std::string& customer_id, std::int32_t limit) {
  FoundOrders found;
  for (const auto& row : execute(tx, embedded::erasure_find_sql, customer_id, limit)) {
    found.ids.push_back(read_order_id(row[0]));
    if (const auto sale_no = row[1].as<std::int32_t>(); sale_no != 0) found.sale_nos.insert(sale_no);
  }
  return found;
}

/// The ids of the sales, of which Redis is to be told.
std::vector<std::string> note_sales(pqxx::transaction_base& tx, const std::set<std::int32_t>& sale_nos,
                                    const std::string& pseudonym) {
  std::vector<std::string> sale_ids;
  const std::vector<std::int32_t> numbers(sale_nos.begin(), sale_nos.end());
  const std::string sales = array_of(numbers);
  execute(tx, embedded::erased_names_add_sql, sales, pseudonym);
  for (const auto& row : execute(tx, "SELECT sale_id FROM sales WHERE sale_no = ANY ($1::integer[])", sales)) {
    sale_ids.push_back(row[0].as<std::string>());
  }
  return sale_ids;
}

ErasedOrders erase_in(pqxx::transaction_base& tx, const std::string& customer_id, const std::string& pseudonym,
                      std::int32_t limit, std::string_view who) {
  const auto found = find_some(tx, customer_id, limit);
  if (found.ids.empty()) {
    // Whoever has erased them may have been left in doubt.
    commit_found(tx);
    return {};
  }
  const auto ids = array_of(found.ids);
  const auto changed = execute(tx, embedded::erasure_orders_sql, ids, customer_id, pseudonym);
  const auto archived = execute(tx, embedded::erasure_archived_orders_sql, ids, customer_id, pseudonym);
  ErasedOrders erased;
  erased.orders = static_cast<std::int64_t>(changed.affected_rows() + archived.affected_rows());
  erased.sale_ids = note_sales(tx, found.sale_nos, pseudonym);
  write_log(tx, who, "customer.erased", pseudonym, "{\"orders\":" + std::to_string(erased.orders) + "}");
  commit(tx);
  return erased;
}

}  // namespace

Result<ErasedOrders> erase_orders(Session& session, std::string_view customer_id, std::string_view pseudonym,
                                  std::int32_t limit, std::string_view who) {
  if (customer_id.find('\0') != std::string_view::npos) return Error(Failure::data_refused);
  ErasedOrders erased;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    erased = erase_in(tx, std::string(customer_id), std::string(pseudonym), limit, who);
  });
  if (error) return error;
  return erased;
}

Result<std::vector<ErasedName>> find_erased_names(Session& session, std::string_view pseudonym, std::int32_t limit,
                                                  const ErasedName* after) {
  const std::string after_pseudonym = after != nullptr ? after->pseudonym : std::string();
  const std::int32_t after_sale = after != nullptr ? after->sale_no : 0;
  const auto read = [](const pqxx::row& row) {
    return ErasedName{row[0].as<std::string>(), row[1].as<std::int32_t>(), row[2].as<std::string>(),
                      row[3].as<std::int64_t>(), row[4].as<bool>()};
  };
  return read_rows<ErasedName>(session, read, embedded::erased_names_find_sql, std::string(pseudonym), limit,
                               after_pseudonym, after_sale);
}

Result<std::vector<OrderId>> find_erased_orders(Session& session, const ErasedName& name, const OrderId& after,
                                                std::int32_t limit) {
  const auto read = [](const pqxx::row& row) { return read_order_id(row[0]); };
  return read_rows<OrderId>(session, read, embedded::erased_orders_sql, name.pseudonym, name.sale_no, after.to_string(),
                            limit);
}

Error forget_erased_name(Session& session, const ErasedName& name) {
  return session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    execute(tx, "DELETE FROM erased_names WHERE pseudonym = $1 AND sale_no = $2", name.pseudonym, name.sale_no);
    commit(tx);
  });
}

}  // namespace flashsale::postgres
