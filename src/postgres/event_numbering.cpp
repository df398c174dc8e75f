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
      .exec(
          "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
          // Somebody who is frozen leads no more after this.
          " SET idle_session_timeout = '3s'");
  connection.prepare("event_line_lock", std::string(embedded::event_line_lock_sql));
  connection.prepare("outbox_unnumbered", std::string(embedded::outbox_unnumbered_sql));
  connection.prepare("outbox_backlog", std::string(embedded::outbox_backlog_sql));
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

void number_in(pqxx::work& tx, Numbered& done, const Horizon& horizon, bool is_backlog, std::int32_t rows,
               bool rehearsals) {
  const auto waiting = is_backlog ? execute_prepared(tx, "outbox_backlog", rows)
                                  : execute_prepared(tx, "outbox_unnumbered", rows, horizon.seen);
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
  session_.on_connect([this](pqxx::connection& connection) {
    leads_ = false;
    prepare_statements(connection);
  });
}

Result<bool> EventNumbering::lead(const std::string& leader) {
  const Error error = session_.run([&](pqxx::connection& connection) {
    if (leads_) return;
    pqxx::work tx(connection);
    if (!tx.exec(std::string(embedded::event_lead_sql))[0][0].as<bool>()) return;
    execute(tx, "UPDATE event_line SET leader = $1", leader);
    commit(tx);
    leads_ = true;
  });
  if (error) return Result<bool>(boost::system::in_place_error, error);
  return leads_;
}

Result<Numbered> EventNumbering::number(std::int32_t rows, bool rehearsals) {
  Numbered done;
  const Error error = session_.run([&](pqxx::connection& connection) {
    done = {};
    pqxx::work tx(connection);
    const auto line = execute_prepared(tx, "event_line_lock")[0];
    done.line = {line[0].as<std::int64_t>(), line[1].as<std::int64_t>()};
    // In a statement of its own, which sees all that was committed before the line was locked.
    number_in(tx, done, {line[2].as<std::string>(), line[3].as<std::string>()}, is_backlog_, rows, rehearsals);
    FLASHSALE_FAULT_POINT("events.before_number_commit");
    commit(tx);
    FLASHSALE_FAULT_POINT("events.after_number_commit");
  });
  // A look that failed may have had too many to sort.
  is_backlog_ = error || !done.is_all;
  if (error) return error;
  return done;
}

void EventNumbering::resign() {
  session_.disconnect();
  leads_ = false;
}

}  // namespace flashsale::postgres
