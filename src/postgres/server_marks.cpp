#include "flashsale/postgres/server_marks.hpp"

#include "embedded/flashsale_postgres.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// Some minutes under load: whoever has been away for longer relies on what Redis remembers.
constexpr std::int64_t kMarksKept = 1000;

}  // namespace

Result<ServerMark> renew_mark(Session& session, const ServerMark& newest) {
  ServerMark mark;
  const Error error = session.run([&](pqxx::connection& connection) {
    mark = newest;
    pqxx::work tx(connection);
    tx.exec("SET LOCAL synchronous_commit = local");
    tx.exec("SET LOCAL lock_timeout = '300ms'");
    const auto inserted = execute(tx, embedded::server_mark_insert_sql, newest.number);
    if (inserted.empty()) return;
    execute(tx, "DELETE FROM server_marks WHERE number <= $1", newest.number - kMarksKept);
    mark = {newest.number + 1, inserted[0][0].as<std::string>()};
    commit(tx);
  });
  if (error) return error;
  return mark;
}

}  // namespace flashsale::postgres
