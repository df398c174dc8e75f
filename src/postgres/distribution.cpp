#include "flashsale/postgres/distribution.hpp"

#include <chrono>
#include <sstream>

#include "distributed.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "migration_lock.hpp"
#include "row_query.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// A table that is large already is copied to the workers.
constexpr std::chrono::minutes kDistributionTime{30};

std::vector<std::string> steps_left(pqxx::transaction_base& tx) {
  std::vector<std::string> steps;
  for (const auto& row : tx.exec(std::string(embedded::citus_steps_sql))) steps.push_back(row[0].as<std::string>());
  return steps;
}

NodeDurability read_node(const pqxx::row& row) {
  NodeDurability node;
  node.node = row[0].as<std::string>();
  if (!row[1].as<bool>()) return node;
  std::istringstream words(row[2].as<std::string>());
  std::string fsync, full_page_writes;
  words >> fsync >> full_page_writes >> node.synchronous_commit;
  node.fsync = fsync == "on";
  node.full_page_writes = full_page_writes == "on";
  return node;
}

}  // namespace

Result<bool> is_citus(Session& session) {
  bool found = false;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    found = has_citus(tx);
  });
  if (error) return Result<bool>(boost::system::in_place_error, error);
  return Result<bool>(boost::system::in_place_value, found);
}

Result<std::vector<std::string>> distribute(Session& session) {
  std::vector<std::string> done;
  for (;;) {
    bool is_left = false;
    const Error error = session.run([&](pqxx::connection& connection) {
      session.more_time(kDistributionTime);
      pqxx::work tx(connection);
      tx.exec("SET LOCAL statement_timeout = 0");
      take_migration_lock(tx);
      const auto steps = steps_left(tx);
      is_left = !steps.empty();
      if (!is_left) return;
      tx.exec(steps.front());
      commit(tx);
      done.push_back(steps.front());
    });
    if (error) return error;
    if (!is_left) return done;
  }
}

Result<std::vector<NodeDurability>> nodes_durability(Session& session) {
  return read_rows<NodeDurability>(session, read_node, embedded::nodes_durability_sql);
}

}  // namespace flashsale::postgres
