#include "flashsale/postgres/retention.hpp"

#include "embedded/flashsale_postgres.hpp"
#include "flashsale/postgres/error.hpp"
#include "sale_rows.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// There is a partial index for each question, which old statistics may hold for dearer than reading all orders.
void use_indexes(pqxx::transaction_base& tx) { tx.exec("SET LOCAL enable_seqscan = off"); }

bool read_unsettled(pqxx::transaction_base& tx, std::int32_t sale_no) {
  use_indexes(tx);
  return execute(tx, embedded::sale_is_unsettled_sql, sale_no)[0][0].as<bool>();
}

bool let_go_in(pqxx::work& tx, const Sale& sale) {
  // Nobody can add an order while they are locked, nor end one.
  lock_items(tx, sale.sale_no);
  if (read_unsettled(tx, sale.sale_no)) return false;
  const auto raised = execute(tx,
                              "UPDATE sales SET let_go = true, epoch = epoch + 1"
                              " WHERE sale_no = $1 AND epoch = $2 AND state = $3 AND NOT let_go RETURNING epoch",
                              sale.sale_no, sale.epoch, static_cast<int>(SaleState::closed));
  if (raised.empty()) return false;
  execute(tx, "UPDATE items SET epoch = $2 WHERE sale_no = $1", sale.sale_no, raised[0][0].as<std::int64_t>());
  publish_sale(tx, sale.sale_no);
  commit(tx);
  return true;
}

}  // namespace

Result<bool> is_unsettled(Session& session, const Sale& sale) {
  bool unsettled = true;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    unsettled = read_unsettled(tx, sale.sale_no);
  });
  if (error) return Result<bool>(boost::system::in_place_error, error);
  return Result<bool>(boost::system::in_place_value, unsettled);
}

Result<bool> let_sale_go(Session& session, const Sale& sale) {
  bool gone = false;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    gone = let_go_in(tx, sale);
  });
  if (error) return Result<bool>(boost::system::in_place_error, error);
  return Result<bool>(boost::system::in_place_value, gone);
}

Error forget_freed_orders(Session& session, std::int32_t sale_no) {
  return session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    use_indexes(tx);
    execute(tx, embedded::orders_forget_freed_sql, sale_no);
    commit(tx);
  });
}

}  // namespace flashsale::postgres
