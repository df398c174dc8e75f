#include "statement.hpp"

#include "embedded/flashsale_postgres.hpp"

namespace flashsale::postgres {
namespace {

std::string_view class_of(const std::string& sqlstate) { return std::string_view(sqlstate).substr(0, 2); }

/// An ERROR during COMMIT means that the transaction was rolled back; a FATAL one or a defect of the server may come
/// after its commit record was written.
bool tells_rollback(const std::string& sqlstate) {
  const auto kind = class_of(sqlstate);
  return kind == "22" || kind == "23" || kind == "25" || kind == "40" || kind == "55" || sqlstate == "57014";
}

}  // namespace

void commit(pqxx::transaction_base& tx) {
  try {
    tx.commit();
  } catch (const pqxx::in_doubt_error&) {
    throw;
  } catch (const pqxx::serialization_failure&) {
    throw;
  } catch (const pqxx::deadlock_detected&) {
    throw;
  } catch (const pqxx::sql_error& error) {
    if (tells_rollback(error.sqlstate())) throw;
    throw pqxx::in_doubt_error(error.what());
  } catch (const std::exception& error) {
    throw pqxx::in_doubt_error(error.what());
  }
}

void commit_found(pqxx::transaction_base& tx) {
  execute(tx, embedded::commit_waits_sql);
  commit(tx);
}

void use_one_snapshot(pqxx::transaction_base& tx) {
  tx.exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

bool is_refused_data(const pqxx::sql_error& error) {
  const auto kind = class_of(error.sqlstate());
  return kind == "22" || kind == "23" || kind == "54";
}

}  // namespace flashsale::postgres
