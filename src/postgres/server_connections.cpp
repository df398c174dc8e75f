#include "flashsale/postgres/server_connections.hpp"

#include "embedded/flashsale_postgres.hpp"
#include "statement.hpp"

namespace flashsale::postgres {

Result<ServerConnections> read_server_connections(Session& session) {
  ServerConnections connections;
  const auto error = session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    const auto row = execute(tx, embedded::server_connections_sql)[0];
    connections = {.used = row["used"].as<std::int64_t>(), .max = row["most"].as<std::int64_t>()};
  });
  if (error) return error;
  return connections;
}

}  // namespace flashsale::postgres
