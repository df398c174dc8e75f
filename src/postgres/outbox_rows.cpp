#include "outbox_rows.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "embedded/flashsale_postgres.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/postgres/outbox.hpp"
#include "flashsale/telemetry/trace_scope.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

std::atomic<bool> events_are_left{false};

/// A later try of the same key takes the row of a refusal, with lines of its own.
std::string refused_try(const Order& order) {
  std::string json = "{";
  append_time(json, "created_at", order.created_at);
  append_member(json, "lines");
  for (const auto& line : order.lines) {
    json += &line == order.lines.data() ? "[{" : ",{";
    append_number(json, "item_no", line.item_no);
    append_number(json, "quantity", line.quantity);
    json += '}';
  }
  return json + "]}";
}

/// With the order's id, too: it need not exist.
std::string owed(const OrderChange& change) {
  const auto& refund = *change.refund;
  std::string json = "{";
  append_text(json, "order_id", change.id.to_string());
  append_number(json, "status", static_cast<int>(change.after));
  append_text(json, "payment_id", refund.payment_id);
  append_money(json, "paid", refund.paid.amount, refund.paid.currency);
  append_text(json, "reason", refund.reason);
  return json + "}";
}

}  // namespace

std::string_view find_trace(std::string_view traces, const OrderId& id) {
  const auto name = id.to_string() + ' ';
  const auto found = traces.find(name);
  return found == std::string_view::npos ? std::string_view()
                                         : traces.substr(found + name.size(), telemetry::kTraceparentBytes);
}

std::string_view find_client(std::string_view clients, std::size_t place) {
  const auto begin = place * kHashDigits;
  if (clients.size() < begin + kHashDigits || clients[begin] == '-') return {};
  return clients.substr(begin, kHashDigits);
}

void leave_events(bool yes) { events_are_left = yes; }
bool leaves_events() { return events_are_left.load(std::memory_order_relaxed); }

void OutboxRows::add(const OrderChange& change) {
  if (change.refund != nullptr) {
    Row row{EventType::order_refund_required, change.change_no, {}, std::nullopt, {}, owed(change), {}, {}, {}};
    if (change.after != OrderStatus::pending) row.order_ids.push_back(change.id);
    note_cause(row, change);
    rows_.push_back(std::move(row));
    return;
  }
  const auto type = event_of(change.after);
  if (type == EventType::order_rejected) {
    rows_.push_back({type,
                     change.change_no,
                     std::string(change.reason),
                     std::nullopt,
                     {change.id},
                     refused_try(*change.row),
                     {},
                     {},
                     {}});
    note_cause(rows_.back(), change);
    return;
  }
  if (auto* row = find_like(type, change)) {
    row->order_ids.push_back(change.id);
    return note_cause(*row, change);
  }
  rows_.push_back({type, change.change_no, std::string(change.reason), change.expires_at, {change.id}, {}, {}, {}, {}});
  note_cause(rows_.back(), change);
}

/// The row that one more order can join; null: there is none.
OutboxRows::Row* OutboxRows::find_like(EventType type, const OrderChange& change) {
  if (!change.card_hash.empty()) return nullptr;
  const auto like_it = [&](const Row& row) {
    return row.type == type && row.change_no == change.change_no && row.reason == change.reason &&
           row.expires_at == change.expires_at && row.payload.empty() && row.card_hash.empty() &&
           row.order_ids.size() < kEventsOfRowMax;
  };
  // Nearly all of a batch are alike, and the last row is theirs.
  const auto found = std::find_if(rows_.rbegin(), rows_.rend(), like_it);
  return found == rows_.rend() ? nullptr : &*found;
}

/// Of the order that the row has as its last.
void OutboxRows::note_cause(Row& row, const OrderChange& change) {
  note_trace(row, change);
  // An erasure goes by rows: without one nothing would reach it.
  if (change.after != OrderStatus::pending) row.card_hash = change.card_hash;
  if (change.client_hash.size() != kHashDigits || row.order_ids.empty()) return;
  row.clients.resize((row.order_ids.size() - 1) * kHashDigits, '-');
  row.clients += change.client_hash;
}

void OutboxRows::note_trace(Row& row, const OrderChange& change) {
  const auto& trace = change.trace.is_set() ? change.trace : telemetry::TraceScope::current();
  if (!trace.is_sampled) return;
  if (!row.traces.empty()) row.traces += ' ';
  change.id.append_to(row.traces);
  row.traces.append(" ").append(format_traceparent(trace));
}

void OutboxRows::add_event(EventType type, std::int32_t change_no, std::string payload) {
  rows_.push_back({type, change_no, {}, std::nullopt, {}, std::move(payload), {}, {}, {}});
}

/// With what is known of how its events came about: of few orders of a batch, or of none.
std::string OutboxRows::payload_of(const Row& row) {
  auto payload = row.payload;
  const auto add = [&payload](std::string_view name, const std::string& text) {
    if (text.empty()) return;
    if (payload.empty()) payload = "{}";
    payload.pop_back();
    append_text(payload, name, text);
    payload += '}';
  };
  add(kTracesMember, row.traces);
  add(kClientsMember, row.clients);
  add(kCardMember, row.card_hash);
  return payload;
}

std::int64_t OutboxRows::events_of(const Row& row) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(row.order_ids.size()));
}

std::optional<OutboxRows::Parameters> OutboxRows::only_row() const {
  if (rows_.size() != 1 || rows_.front().order_ids.empty()) return std::nullopt;
  const auto& row = rows_.front();
  return Parameters{.change_no = row.change_no,
                    .events = events_of(row),
                    .type = static_cast<std::int64_t>(row.type),
                    .order_ids = array_of(row.order_ids),
                    .reason = row.reason,
                    .expires_at = row.expires_at ? format_rfc3339(*row.expires_at) : std::string(),
                    .payload = payload_of(row)};
}

OutboxRows::Columns OutboxRows::columns() const {
  Columns columns;
  for (const auto& row : rows_) {
    columns.change_nos.add(std::int64_t{row.change_no});
    columns.events.add(events_of(row));
    columns.types.add(static_cast<std::int64_t>(row.type));
    if (row.order_ids.empty()) columns.order_ids.add_null();
    else columns.order_ids.add_text(array_of(row.order_ids));
    if (row.reason.empty()) columns.reasons.add_null();
    else columns.reasons.add_text(row.reason);
    columns.expiries.add(row.expires_at);
    const auto payload = payload_of(row);
    if (payload.empty()) columns.payloads.add_null();
    else columns.payloads.add_text(payload);
  }
  columns.close();
  return columns;
}

void OutboxRows::Columns::close() {
  for (auto* column : {&change_nos, &events, &types, &order_ids, &reasons, &expiries, &payloads}) column->close();
}

void OutboxRows::insert(pqxx::transaction_base& tx, std::int32_t sale_no) {
  const auto rows = columns();
  execute(tx, embedded::outbox_insert_sql, sale_no, rows.change_nos.text(), rows.events.text(), rows.types.text(),
          rows.order_ids.text(), rows.reasons.text(), rows.expiries.text(), rows.payloads.text());
}

}  // namespace flashsale::postgres
