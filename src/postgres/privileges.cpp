#include "flashsale/postgres/privileges.hpp"

#include "embedded/flashsale_postgres.hpp"
#include "migration_lock.hpp"
#include "statement.hpp"

namespace flashsale::postgres {

Error grant_serving(Session& session, const std::string& role) {
  return session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    // Several instances may migrate at once, and grants to one table collide.
    take_migration_lock(tx);
    for (const auto& row : execute(tx, embedded::serving_grants_sql, role)) tx.exec(row[0].as<std::string>());
    commit(tx);
  });
}

Result<std::vector<std::string>> privileges_beyond_serving(Session& session) {
  std::vector<std::string> found;
  const Error error = session.run([&](pqxx::connection& connection) {
    found.clear();
    pqxx::work tx(connection);
    for (const auto& row : tx.exec(std::string(embedded::serving_excess_sql))) {
      found.push_back(row[0].as<std::string>());
    }
  });
  if (error) return error;
  return found;
}

}  // namespace flashsale::postgres
