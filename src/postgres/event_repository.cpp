#include "flashsale/postgres/event_repository.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "embedded/flashsale_postgres.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/telemetry/log.hpp"
#include "outbox_rows.hpp"
#include "row_query.hpp"
#include "row_reader.hpp"
#include "sale_rows.hpp"
#include "sale_told.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// Of one page: a sale of a thousand items makes 180 KB of an event.
constexpr std::int64_t kPayloadBytesMax = std::int64_t{2} * 1024 * 1024;

EventLine read_line(const pqxx::row& row) { return {row[0].as<std::int64_t>(), row[1].as<std::int64_t>()}; }

struct OutboxRow {
  EventRow event;  ///< what all of its events have in common, with the position of the first
  std::int64_t events = 0;
  std::vector<OrderId> ids;
  std::string reason;
  std::optional<TimePoint> expires_at;
  std::string traces;
  std::string clients;
};

/// Of what has happened to orders only these have more to tell than their rows; a batch of orders has a payload for how
/// they came about alone, which is not to be copied for each of them.
bool tells_payload(EventType type) {
  return !is_of_an_order(type) || type == EventType::order_rejected || type == EventType::order_refund_required;
}

OutboxRow read_row(const pqxx::row& row) {
  OutboxRow read;
  read.event.sale_no = row[0].as<std::int32_t>();
  read.event.at = read_time(row[1]);
  read.event.position = row[2].as<std::int64_t>();
  read.event.change_no = row[3].as<std::int32_t>();
  read.events = row[4].as<std::int64_t>();
  read.event.type = static_cast<EventType>(row[5].as<int>());
  if (!row[6].is_null()) read.ids = read_order_ids(row[6]);
  if (!row[7].is_null()) read.reason = row[7].as<std::string>();
  if (!row[8].is_null()) read.expires_at = read_time(row[8]);
  if (!row[9].is_null() && tells_payload(read.event.type)) read.event.payload = row[9].as<std::string>();
  read.event.row_no = row[10].as<std::int64_t>();
  if (!row[11].is_null()) read.traces = row[11].as<std::string>();
  if (!row[12].is_null()) read.clients = row[12].as<std::string>();
  if (!row[13].is_null()) read.event.card_hash = row[13].as<std::string>();
  return read;
}

/// Whose orders have yet to be read.
struct ReadEvent {
  EventRow event;
  std::string reason;
  std::optional<TimePoint> expires_at;
};

/// The events of these rows behind `after`, up to the first gap, and no more than `limit`.
std::vector<ReadEvent> spread(const pqxx::result& rows, std::int64_t after, std::int32_t limit) {
  std::vector<ReadEvent> events;
  for (const auto& row : rows) {
    const auto read = read_row(row);
    for (std::int64_t i = 0; i < read.events; ++i) {
      const auto position = read.event.position + i;
      if (position <= after) continue;
      const bool is_next = position == after + 1 + static_cast<std::int64_t>(events.size());
      if (!is_next || static_cast<std::int32_t>(events.size()) == limit) return events;
      ReadEvent one{read.event, read.reason, read.expires_at};
      one.event.position = position;
      if (!read.ids.empty()) {
        one.event.order_id = read.ids.at(static_cast<std::size_t>(i));
        one.event.client_hash = find_client(read.clients, static_cast<std::size_t>(i));
        if (!read.traces.empty()) one.event.traceparent = find_trace(read.traces, *one.event.order_id);
      }
      events.push_back(std::move(one));
    }
  }
  return events;
}

/// The order as the event tells it. (Of a refund and of a refusal the payload tells more.)
Order as_told(Order order, EventType type, const ReadEvent& read) {
  const bool still_awaits = order.status == OrderStatus::awaiting_payment;
  if (type != EventType::order_refund_required) order.status = static_cast<OrderStatus>(type);
  order.refund_required = type == EventType::order_refund_required;
  order.reason = read.reason;
  // Its time can begin anew in the transaction that has made it, or behind it.
  if (type != EventType::order_awaiting_payment || !still_awaits) order.expires_at = read.expires_at;
  return order;
}

std::vector<EventRow> with_orders(std::vector<ReadEvent> read, std::vector<Order> orders) {
  std::unordered_map<OrderId, Order*, OrderIdHash> by_id;
  for (auto& order : orders) by_id.emplace(order.id, &order);
  std::vector<EventRow> events;
  events.reserve(read.size());
  for (auto& one : read) {
    events.push_back(std::move(one.event));
    auto& event = events.back();
    if (!event.order_id) continue;
    const auto order = by_id.find(*event.order_id);
    if (order != by_id.end()) event.order = as_told(*order->second, event.type, one);
  }
  return events;
}

/// Of one sale, under its lock. How many events.
std::int64_t tell_of_sale_now(pqxx::work& tx, std::int32_t sale_no) {
  if (!lock_sale(tx, sale_no)) return 0;
  const auto sale = read_sale(tx, sale_no).value();
  const auto [told, was_sold_out, now] = read_told(tx, sale);
  std::int64_t events = 0;
  if (told != now && (now == SaleState::open || now == SaleState::closed)) {
    tell_of_sale(tx, sale, event_of(now), now);
    ++events;
  }
  if (now != SaleState::closed && was_sold_out != is_sold_out(sale)) {
    tell_of_sale(tx, sale, is_sold_out(sale) ? EventType::sale_sold_out : EventType::sale_restocked);
    ++events;
  }
  if (events > 0) commit(tx);
  return events;
}

/// How far the line is gone now; 0: as far as before.
std::int64_t retire_in(pqxx::work& tx, std::int64_t position, std::chrono::seconds keep, std::int32_t rows) {
  // By the keys, however the planner sees it.
  tx.exec("SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off");
  const auto gone_until =
      execute(tx, embedded::outbox_retire_sql, position, std::int64_t{keep.count()}, rows)[0][0].as<std::int64_t>();
  if (gone_until > 0) execute(tx, "UPDATE event_line SET gone_until = greatest(gone_until, $1)", gone_until);
  return gone_until;
}

}  // namespace

Result<EventLine> find_event_line(Session& session) {
  EventLine line;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    line = read_line(tx.exec(std::string(embedded::event_line_sql))[0]);
  });
  if (error) return error;
  return line;
}

Result<std::int64_t> count_unnumbered(Session& session, std::int32_t most) {
  return read_value<std::int64_t>(session, embedded::outbox_count_unnumbered_sql, most);
}

Result<std::int64_t> tell_of_sales(Session& session) {
  const auto read = [](const pqxx::row& row) { return row[0].as<std::int32_t>(); };
  const auto sales = read_rows<std::int32_t>(session, read, embedded::sales_to_tell_sql);
  if (!sales) return sales.error();
  std::int64_t events = 0;
  Error failed;
  for (const auto sale_no : *sales) {
    const auto of_sale =
        in_transaction<std::int64_t>(session, [&](pqxx::work& tx) { return tell_of_sale_now(tx, sale_no); });
    // A trouble in one sale is none of the others'.
    if (of_sale) events += *of_sale;
    else failed = of_sale.error();
  }
  if (failed) return failed;
  return events;
}

Result<std::vector<EventRow>> read_events(Session& session, std::int64_t after, std::int32_t limit) {
  std::vector<ReadEvent> read;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::nontransaction tx(connection);
    const auto rows = execute(tx, embedded::outbox_read_sql, after, limit, static_cast<std::int64_t>(kEventsOfRowMax),
                              kPayloadBytesMax);
    read = spread(rows, after, limit);
  });
  if (error) return error;
  std::vector<OrderId> ids;
  for (const auto& one : read) {
    if (one.event.order_id) ids.push_back(*one.event.order_id);
  }
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  auto orders = find_orders(session, ids);
  if (!orders) return orders.error();
  return with_orders(std::move(read), std::move(*orders));
}

Result<std::int64_t> first_event_of_sale(Session& session, std::int32_t sale_no) {
  return read_value<std::int64_t>(session, "SELECT coalesce(min(position), 0) FROM outbox WHERE sale_no = $1", sale_no);
}

Result<std::optional<Sale>> find_sale_by_number(Session& session, std::int32_t sale_no) {
  std::optional<Sale> sale;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    use_one_snapshot(tx);
    sale = read_sale(tx, sale_no);
  });
  if (error) return error;
  return sale;
}

Result<std::int64_t> retire_events(Session& session, std::int64_t position, std::chrono::seconds keep,
                                   std::int32_t rows) {
  return in_transaction<std::int64_t>(session, [&](pqxx::work& tx) {
    const auto gone_until = retire_in(tx, position, keep, rows);
    if (gone_until > 0) commit(tx);
    return gone_until;
  });
}

Result<bool> retire_all_events(Session& session, std::chrono::seconds keep, std::int32_t rows) {
  return in_transaction<bool>(session, [&](pqxx::work& tx) {
    if (!tx.exec(std::string(embedded::event_nobody_leads_sql))[0][0].as<bool>()) return false;
    const auto line = read_line(tx.exec(std::string(embedded::event_line_sql))[0]);
    const auto told = tx.exec(std::string(embedded::told_to_all_sql))[0][0].as<std::int64_t>();
    const auto gone_until = retire_in(tx, line.last_position, keep, rows);
    const auto unnumbered =
        execute(tx, embedded::outbox_retire_unnumbered_sql, std::int64_t{keep.count()}, rows)[0][0].as<std::int32_t>();
    const bool is_more = gone_until > 0 || unnumbered > 0;
    if (is_more) commit(tx);
    if (gone_until > told || unnumbered > 0) {
      telemetry::log_warn("old events were removed that not everybody was told of, since events.enabled is false",
                          {{"until", gone_until}, {"without_position", unnumbered}});
    }
    return is_more;
  });
}

Error leave_event(Session& session, EventType type, const std::string& payload) {
  return session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    OutboxRows rows;
    rows.add_event(type, 1, payload);
    rows.insert(tx, 0);
    commit(tx);
  });
}

}  // namespace flashsale::postgres
