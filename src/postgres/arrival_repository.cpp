#include "flashsale/postgres/arrival_repository.hpp"

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "row_query.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

struct Row {
  ArrivalCount count;
  std::int64_t reset_epoch = 0;
};

Row read_arrival(const pqxx::row& row) {
  return {{row[0].as<std::int64_t>(), row[1].as<std::int64_t>()}, row[2].as<std::int64_t>()};
}

/// Those of the first one's run.
ArrivalCurve curve_of(const std::vector<Row>& rows) {
  ArrivalCurve curve;
  if (!rows.empty()) curve.reset_epoch = rows.front().reset_epoch;
  for (const auto& row : rows) {
    if (row.reset_epoch == curve.reset_epoch) curve.counts.push_back(row.count);
  }
  return curve;
}

}  // namespace

Error add_arrivals(Session& session, std::int32_t sale_no, const std::map<std::int64_t, std::int64_t>& counts,
                   std::int64_t seconds_max) {
  if (counts.empty()) return {};
  return session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    ArrayLiteral seconds, checkouts;
    for (const auto& [second, count] : counts) {
      seconds.add(second);
      checkouts.add(count);
    }
    execute(tx, embedded::arrivals_add_sql, sale_no, seconds.close(), checkouts.close(), seconds_max);
    commit(tx);
  });
}

Result<ArrivalCurve> read_arrivals(Session& session, std::int32_t sale_no, std::int64_t second,
                                   std::size_t counts_max) {
  const auto rows = read_rows<Row>(session, read_arrival, embedded::arrivals_since_sql, sale_no, second,
                                   static_cast<std::int64_t>(counts_max));
  if (!rows) return rows.error();
  return curve_of(*rows);
}

Result<ArrivalCurve> read_newest_run(Session& session, std::int32_t sale_no, NewestRun which, std::size_t counts_max) {
  const auto rows = read_rows<Row>(session, read_arrival, embedded::arrivals_of_newest_run_sql, sale_no,
                                   which == NewestRun::any, static_cast<std::int64_t>(counts_max));
  if (!rows) return rows.error();
  return curve_of(*rows);
}

}  // namespace flashsale::postgres
