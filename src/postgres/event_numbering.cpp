#include "flashsale/postgres/event_numbering.hpp"

#include <utility>

#include "embedded/flashsale_postgres.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

void set_up(pqxx::connection& connection) {
  // A plan may have been made when the outbox was empty: by the keys, however many rows it will have.
  pqxx::nontransaction(connection)
      .exec(
          "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
          // Somebody who is frozen leads no more after this.
          " SET idle_session_timeout = '3s'");
}

}  // namespace

EventNumbering::EventNumbering(Options options, std::string name) : session_(std::move(options), std::move(name)) {
  session_.on_connect([this](pqxx::connection& connection) {
    leads_ = false;
    set_up(connection);
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
    pqxx::work tx(connection);
    const auto row = execute(tx, embedded::events_number_sql, rows, rehearsals, is_backlog_)[0];
    done.line = {row[0].as<std::int64_t>(), row[1].as<std::int64_t>()};
    done.events = row[2].as<std::int64_t>();
    done.is_all = row[3].as<bool>();
    FLASHSALE_FAULT_POINT("events.before_number_commit");
    done.asked_at = std::chrono::steady_clock::now();
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
