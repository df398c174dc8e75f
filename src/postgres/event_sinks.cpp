#include "flashsale/postgres/event_sinks.hpp"

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "outbox_rows.hpp"
#include "row_query.hpp"
#include "row_reader.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// Of a text by a broker or an endpoint.
constexpr std::size_t kErrorBytesMax = 500;

EventSink read_sink(const pqxx::row& row) {
  EventSink sink;
  sink.name = row[0].as<std::string>();
  sink.kind = row[1].as<std::string>();
  sink.position = row[2].as<std::int64_t>();
  sink.is_active = row[3].as<bool>();
  sink.last_error = row[4].as<std::string>();
  if (!row[5].is_null()) sink.failing_since = read_time(row[5]);
  sink.is_moved = row[6].as<bool>();
  return sink;
}

template <class... Parameters>
Result<bool> change_one(Session& session, std::string_view sql, const Parameters&... parameters) {
  const auto rows = change_rows(session, sql, parameters...);
  if (!rows) return Result<bool>(boost::system::in_place_error, rows.error());
  return *rows == 1;
}

/// As UTF-8 without a NUL, and not too long: it may be anything.
std::string storable(const std::string& error) {
  std::string text;
  for (const char c : error.substr(0, kErrorBytesMax)) text += c >= ' ' && c <= '~' ? c : '?';
  return text;
}

}  // namespace

Result<std::vector<EventSink>> list_event_sinks(Session& session) {
  return read_rows<EventSink>(session, read_sink, embedded::event_sinks_sql);
}

Result<std::vector<SinkLag>> list_sink_lags(Session& session) {
  const auto read = [](const pqxx::row& row) {
    return SinkLag{row[0].as<std::string>(), row[1].as<std::int64_t>(), row[2].as<double>()};
  };
  return read_rows<SinkLag>(session, read, embedded::event_sinks_lag_sql, static_cast<std::int64_t>(kEventsOfRowMax));
}

Result<std::int64_t> told_to_all(Session& session) {
  return read_value<std::int64_t>(session, embedded::told_to_all_sql);
}

Result<std::int64_t> find_sink_position(Session& session, const std::string& name) {
  return read_value<std::int64_t>(session, "SELECT coalesce((SELECT position FROM event_sinks WHERE name = $1), -1)",
                                  name);
}

Result<EventSink> register_event_sink(Session& session, const std::string& name, const std::string& kind) {
  return in_transaction<EventSink>(session, [&](pqxx::work& tx) {
    auto sink = read_sink(execute(tx, embedded::event_sink_register_sql, name, kind)[0]);
    commit(tx);
    return sink;
  });
}

Error retire_event_sinks(Session& session, const std::vector<std::string>& kinds,
                         const std::vector<std::string>& names) {
  return change_rows(session, embedded::event_sinks_retire_sql, array_of(kinds), array_of(names)).error();
}

Result<bool> advance_event_sink(Session& session, const std::string& name, std::int64_t from, std::int64_t to) {
  return in_transaction<bool>(session, [&](pqxx::work& tx) {
    const auto sink = execute(tx, "SELECT is_moved FROM event_sinks WHERE name = $1", name);
    // Ten times a second and more, so the commit does not wait for the disk: should the server crash, events of the
    // last moment are told again. But that a move has been followed must not be forgotten: it would be followed once
    // more.
    if (!sink.empty() && !sink[0][0].as<bool>()) tx.exec("SET LOCAL synchronous_commit = off");
    const bool is_done = execute(tx, embedded::event_sink_advance_sql, name, from, to).affected_rows() == 1;
    commit(tx);
    return is_done;
  });
}

Error note_sink_error(Session& session, const std::string& name, const std::string& error) {
  return change_rows(session, embedded::event_sink_error_sql, name, storable(error)).error();
}

Result<bool> move_event_sink(Session& session, const std::string& name, std::int64_t position) {
  return change_one(session, embedded::event_sink_move_sql, name, position);
}

Result<bool> forget_event_sink(Session& session, const std::string& name) {
  return in_transaction<bool>(session, [&](pqxx::work& tx) {
    const bool was_there = execute(tx, "DELETE FROM event_sinks WHERE name = $1", name).affected_rows() == 1;
    execute(tx, embedded::retries_forget_sql, name);
    commit(tx);
    return was_there;
  });
}

}  // namespace flashsale::postgres
