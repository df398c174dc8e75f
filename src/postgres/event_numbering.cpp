#include "flashsale/postgres/event_numbering.hpp"

#include <utility>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

void prepare_statements(pqxx::connection& connection) {
  // Plans are made once, and the outbox may have been empty then: by the keys, however many rows it will have.
  pqxx::nontransaction(connection)
      .exec("SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off");
  connection.prepare("event_line_lead", std::string(embedded::event_line_lead_sql));
  connection.prepare("outbox_unnumbered", std::string(embedded::outbox_unnumbered_sql));
  connection.prepare("outbox_number", std::string(embedded::outbox_number_sql));
  connection.prepare("outbox_drop", std::string(embedded::outbox_drop_sql));
  connection.prepare("event_line_end", std::string(embedded::event_line_end_sql));
}

/// The rows that one look takes, as parallel arrays for the statements.
struct Unnumbered {
  struct Rows {
    ArrayLiteral sales, numbers, positions;
    std::int64_t count = 0;
  };
  Rows counted, dropped;
  std::int64_t events = 0;

  void add(const pqxx::row& row, std::int64_t last_position, bool rehearsals) {
    const auto sale_no = row[0].as<std::int64_t>();
    const auto row_no = row[1].as<std::int64_t>();
    const bool counts = rehearsals || !row[3].as<bool>();
    auto& rows = counts ? counted : dropped;
    rows.sales.add(sale_no);
    rows.numbers.add(row_no);
    rows.positions.add(last_position + events + 1);
    ++rows.count;
    if (counts) events += row[2].as<std::int64_t>();
  }
};

/// Transactions, as the server writes their numbers.
struct Horizon {
  std::string seen;   ///< all before it is numbered
  std::string ended;  ///< all before it had ended when the look began
};

void number_in(pqxx::work& tx, Numbered& done, const Horizon& horizon, std::int32_t rows, bool rehearsals) {
  const auto waiting = execute_prepared(tx, "outbox_unnumbered", rows, horizon.seen);
  if (waiting.empty()) return;
  done.is_all = static_cast<std::int32_t>(waiting.size()) < rows;
  Unnumbered taken;
  for (const auto& row : waiting) taken.add(row, done.line.last_position, rehearsals);
  if (taken.counted.count > 0) {
    auto& counted = taken.counted;
    execute_prepared(tx, "outbox_number", counted.sales.close(), counted.numbers.close(), counted.positions.close());
    done.line.last_position += taken.events;
  }
  if (taken.dropped.count > 0) {
    execute_prepared(tx, "outbox_drop", taken.dropped.sales.close(), taken.dropped.numbers.close());
  }
  execute_prepared(tx, "event_line_end", done.line.last_position, done.is_all ? horizon.ended : std::string());
  done.events = taken.events;
}

}  // namespace

EventNumbering::EventNumbering(Options options, std::string name) : session_(std::move(options), std::move(name)) {
  session_.on_connect(prepare_statements);
}

Result<Numbered> EventNumbering::number(const std::string& leader, std::chrono::milliseconds lease, std::int32_t rows,
                                        bool rehearsals) {
  Numbered done;
  const Error error = session_.run([&](pqxx::connection& connection) {
    done = {};
    pqxx::work tx(connection);
    const auto led = execute_prepared(tx, "event_line_lead", leader, std::int64_t{lease.count()});
    if (led.empty()) return;
    done.leads = true;
    done.line = {led[0][0].as<std::int64_t>(), led[0][1].as<std::int64_t>()};
    // In a statement of its own, which sees all that was committed before the line was locked.
    number_in(tx, done, {led[0][2].as<std::string>(), led[0][3].as<std::string>()}, rows, rehearsals);
    FLASHSALE_FAULT_POINT("events.before_number_commit");
    commit(tx);
    FLASHSALE_FAULT_POINT("events.after_number_commit");
  });
  if (error) return error;
  return done;
}

Error EventNumbering::resign(const std::string& leader) {
  return session_.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    execute(tx, "UPDATE event_line SET leader_until = '-infinity' WHERE leader = $1", leader);
    commit(tx);
  });
}

}  // namespace flashsale::postgres
