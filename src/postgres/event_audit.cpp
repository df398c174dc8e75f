#include "flashsale/postgres/event_audit.hpp"

#include "embedded/flashsale_postgres.hpp"
#include "row_query.hpp"
#include "row_reader.hpp"
#include "sale_scan.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

EventsOfSale audit_in(pqxx::transaction_base& tx, std::int32_t sale_no) {
  EventsOfSale found;
  const auto oldest = tx.exec(std::string(embedded::outbox_oldest_sql))[0][0].as<std::string>();
  for (const auto& row : execute(tx, embedded::events_of_sale_sql, sale_no, oldest)) {
    found.examples.push_back({row[0].as<std::string>(), row[1].as<std::int64_t>(), row[2].as<std::int64_t>(),
                              row[3].as<std::int64_t>(), row[4].as<std::int64_t>()});
    found.wrong = row[5].as<std::int64_t>();
  }
  const auto counted = execute(tx, embedded::events_count_orders_sql, sale_no)[0];
  found.orders = counted[0].as<std::int64_t>();
  found.untold = counted[1].as<std::int64_t>();
  return found;
}

}  // namespace

Result<std::vector<EventGap>> find_event_gaps(Session& session) {
  const auto read = [](const pqxx::row& row) { return EventGap{row[0].as<std::int64_t>(), row[1].as<std::int64_t>()}; };
  return read_rows<EventGap>(session, read, embedded::event_gaps_sql);
}

Result<std::vector<OrderNow>> read_orders_now(Session& session, std::int32_t sale_no, const OrderId& after,
                                              std::int32_t limit) {
  const auto read = [](const pqxx::row& row) {
    return OrderNow{read_order(row), row[kOrderColumns].as<std::int32_t>(), read_time(row[kOrderColumns + 1])};
  };
  return read_rows<OrderNow>(session, read, embedded::orders_now_sql, sale_no, after.to_string(), limit);
}

Result<EventsOfSale> audit_events_of_sale(Session& session, std::int32_t sale_no) {
  EventsOfSale found;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    use_one_snapshot(tx);
    allow_long_reads(session, tx);
    found = audit_in(tx, sale_no);
  });
  if (error) return error;
  return found;
}

}  // namespace flashsale::postgres
