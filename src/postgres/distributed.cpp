#include "distributed.hpp"

namespace flashsale::postgres {

bool has_citus(pqxx::transaction_base& tx) {
  return !tx.exec("SELECT 1 FROM pg_extension WHERE extname = 'citus'").empty();
}

void see_all_commits(pqxx::connection& connection) {
  pqxx::nontransaction tx(connection);
  if (has_citus(tx)) tx.exec("SELECT recover_prepared_transactions()");
}

}  // namespace flashsale::postgres
