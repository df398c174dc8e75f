#include "flashsale/postgres/stalled_writers.hpp"

#include <string>

#include "embedded/flashsale_postgres.hpp"
#include "flashsale/postgres/order_writer.hpp"
#include "flashsale/telemetry/log.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// A client that lives cuts its call after statement_timeout and 1.5 s.
constexpr std::chrono::milliseconds kBeyondTimeout{2000};

}  // namespace

Error end_stalled_writers(Session& session) {
  const auto silent_for = session.options().statement_timeout + kBeyondTimeout;
  return session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    const auto ended =
        execute(tx, embedded::sessions_end_stalled_sql, std::string(kWriterSessionPrefix), silent_for.count());
    for (const auto& row : ended) {
      telemetry::log_warn("a writer that nobody waits for is ended", {{"backend", row[0].as<std::int64_t>()}});
    }
  });
}

}  // namespace flashsale::postgres
