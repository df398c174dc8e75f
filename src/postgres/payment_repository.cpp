#include "flashsale/postgres/payment_repository.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "held_rows.hpp"
#include "item_units.hpp"
#include "order_changes.hpp"
#include "paid_order.hpp"
#include "refund.hpp"
#include "row_query.hpp"
#include "row_reader.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// Of the transactions that expire orders, one a sale; the number means nothing.
constexpr std::int32_t kExpiryLocks = 720'453'188;

/// In this order: it may be archived while this waits for its row.
bool lock_row(pqxx::transaction_base& tx, const OrderId& id) {
  const auto text = id.to_string();
  return !execute(tx, "SELECT 1 FROM orders WHERE sale_no = $1 AND order_id = $2 FOR UPDATE", id.sale_no(), text)
              .empty() ||
         !execute(tx, "SELECT 1 FROM archived_orders WHERE sale_no = $1 AND order_id = $2 FOR UPDATE", id.sale_no(),
                  text)
              .empty();
}

/// Messages are locked after orders, and items last, everywhere. A row that is written between the two statements is
/// not there yet: read without its lock, it could be confirmed, cancelled or ended by somebody else before we change
/// it.
std::optional<PaidOrder> lock_order(pqxx::transaction_base& tx, const OrderId& id) {
  const bool is_there = lock_row(tx, id);
  FLASHSALE_FAULT_POINT("payment.order_looked_up");
  return is_there ? read_paid_order(tx, id) : std::nullopt;
}

/// What is answered, and the units that come back, stand or fall with the change.
void fail_payment(pqxx::transaction_base& tx, const Order& row, std::string_view card_hash) {
  const auto changed = execute(tx, embedded::order_payment_failed_sql, row.id.sale_no(), row.id.to_string());
  if (changed.size() != 1) throw std::runtime_error("a locked order has changed");
  auto change = change_of(row, changed[0][0].as<std::int32_t>(), OrderStatus::cancelled, "payment_failed");
  change.card_hash = card_hash;
  note_change(tx, change);
  free_units(tx, row);
}

/// Only what this message is judged by is asked for.
PaymentHistory history_of(pqxx::transaction_base& tx, const PaidOrder& order, const PaymentEvent& event) {
  const auto sale_no = event.order_id.sale_no();
  const auto id = event.order_id.to_string();
  PaymentHistory history;
  if (event.succeeded) {
    history.was_told_before =
        !execute(tx, embedded::payment_was_told_sql, sale_no, id, event.payment_id, event.webhook_id).empty();
  } else if (order.due.status == OrderStatus::awaiting_payment) {
    history.declined = execute(tx, embedded::payments_declined_sql, sale_no, id)[0][0].as<std::int64_t>();
  }
  return history;
}

void carry_out(pqxx::transaction_base& tx, PaidOrder order, const PaymentEvent& event,
               const PaymentJudgement& judgement) {
  switch (judgement.outcome) {
    case PaymentOutcome::confirmed: order.card_hash = event.card_hash; return confirm_paid(tx, std::span(&order, 1));
    case PaymentOutcome::failed: return fail_payment(tx, order.shown.row, event.card_hash);
    case PaymentOutcome::refund_required:
      return require_refund(tx, event.order_id, event.payment_id, event.paid, judgement.refund_reason, event.card_hash);
    default: return;
  }
}

/// Judges one message whose order, if it is there, is locked, and does what follows. Without commit.
PaymentResult settle_by_order(pqxx::transaction_base& tx, const std::optional<PaidOrder>& order,
                              const PaymentEvent& event) {
  if (!order) return {};
  const auto judgement = judge(order->due, event, history_of(tx, *order, event));
  carry_out(tx, *order, event, judgement);
  // As it stands after the change.
  auto result = read_paid_order(tx, event.order_id).value().shown;
  result.outcome = judgement.outcome;
  return result;
}

struct StoredEvent {
  PaymentEvent event;
  PaymentOutcome outcome = PaymentOutcome::waiting;
  bool is_overdue = false;
};

std::optional<StoredEvent> find_event(pqxx::transaction_base& tx, const PaymentKey& key,
                                      std::chrono::seconds patience) {
  const auto rows = execute(tx, embedded::payment_event_find_sql, key.sale_no, key.webhook_id, patience.count());
  if (rows.empty()) return std::nullopt;
  const auto row = rows[0];
  StoredEvent stored;
  stored.event.webhook_id = row[0].as<std::string>();
  stored.event.order_id = read_order_id(row[1]);
  stored.event.payment_id = row[2].as<std::string>();
  stored.event.succeeded = row[3].as<bool>();
  stored.event.paid = {row[4].as<std::int64_t>(), row[5].as<std::string>()};
  stored.outcome = static_cast<PaymentOutcome>(row[6].as<int>());
  stored.is_overdue = row[7].as<bool>();
  stored.event.card_hash = row[8].as<std::string>();
  return stored;
}

StoredEvent read_event(pqxx::transaction_base& tx, const PaymentKey& key, std::chrono::seconds patience) {
  auto stored = find_event(tx, key, patience);
  if (!stored) throw std::runtime_error("a payment's message has disappeared");
  return *std::move(stored);
}

StoredEvent lock_event(pqxx::transaction_base& tx, const PaymentKey& key, std::chrono::seconds patience) {
  execute(tx, "SELECT 1 FROM payment_events WHERE sale_no = $1 AND webhook_id = $2 FOR UPDATE", key.sale_no,
          key.webhook_id);
  return read_event(tx, key, patience);
}

PaymentKey key_of(const PaymentEvent& event) { return {event.order_id.sale_no(), event.webhook_id}; }

void note_outcome(pqxx::transaction_base& tx, const PaymentEvent& event, PaymentOutcome outcome) {
  execute(tx, embedded::payment_event_settle_sql, event.order_id.sale_no(), event.webhook_id,
          static_cast<int>(outcome));
}

/// The order as it stands; empty while it is not written.
PaymentResult as_it_stands(pqxx::transaction_base& tx, const StoredEvent& stored) {
  const auto order = read_paid_order(tx, stored.event.order_id);
  PaymentResult result = order ? order->shown : PaymentResult{};
  result.outcome = stored.outcome;
  result.webhook_id = stored.event.webhook_id;
  return result;
}

/// False: a message is known by its id.
bool store_event(pqxx::transaction_base& tx, const PaymentEvent& event) {
  return execute(tx, embedded::payment_event_insert_sql, event.order_id.sale_no(), event.webhook_id,
                 event.order_id.to_string(), event.payment_id, event.succeeded, event.paid.amount, event.paid.currency,
                 event.card_hash)
             .affected_rows() == 1;
}

bool tells_the_same(const PaymentEvent& a, const PaymentEvent& b) {
  return a.order_id == b.order_id && a.payment_id == b.payment_id && a.succeeded == b.succeeded && a.paid == b.paid;
}

/// Made of its id and of what it says, so that it is the same whenever the message is repeated; no provider's id has a
/// space in it.
std::string id_of_its_own(const PaymentEvent& event) {
  return event.webhook_id + ' ' + event.order_id.to_string() + (event.succeeded ? " succeeded " : " failed ") +
         std::to_string(event.paid.amount) + ' ' + event.paid.currency + ' ' + event.payment_id;
}

PaymentResult already_known(pqxx::work& tx, const StoredEvent& stored) {
  auto known = as_it_stands(tx, stored);
  known.repeated = true;
  commit_found(tx);
  return known;
}

PaymentResult apply_in(pqxx::work& tx, PaymentEvent event) {
  constexpr std::chrono::seconds kAny{0};
  // A repeated message waits for nobody who has its order locked.
  const auto known = find_event(tx, key_of(event), kAny);
  if (known && tells_the_same(known->event, event)) return already_known(tx, *known);
  const auto order = lock_order(tx, event.order_id);
  bool is_new = store_event(tx, event);
  if (!is_new) {
    const auto stored = read_event(tx, key_of(event), kAny);
    if (tells_the_same(stored.event, event)) return already_known(tx, stored);
    event.webhook_id = id_of_its_own(event);
    is_new = store_event(tx, event);
  }
  if (!is_new) return already_known(tx, read_event(tx, key_of(event), kAny));
  auto result = settle_by_order(tx, order, event);
  result.webhook_id = event.webhook_id;
  note_outcome(tx, event, result.outcome);
  FLASHSALE_FAULT_POINT("payment.before_commit");
  commit(tx);
  FLASHSALE_FAULT_POINT("payment.after_commit");
  return result;
}

/// Nothing more is waited for.
PaymentResult end_waiting(pqxx::work& tx, const StoredEvent& stored, const PaymentJudgement& judgement) {
  const auto& event = stored.event;
  if (judgement.outcome == PaymentOutcome::refund_required) {
    require_refund(tx, event.order_id, event.payment_id, event.paid, judgement.refund_reason, event.card_hash);
  }
  auto result = as_it_stands(tx, stored);
  result.outcome = judgement.outcome;
  note_outcome(tx, event, result.outcome);
  FLASHSALE_FAULT_POINT("payment.before_refund_commit");
  commit(tx);
  FLASHSALE_FAULT_POINT("payment.after_refund_commit");
  return result;
}

/// The order first, if it is there, then the message: two that settle the same one, or confirm its order, wait for each
/// other in one direction only.
StoredEvent lock_with_order(pqxx::transaction_base& tx, const PaymentKey& key, std::chrono::seconds patience) {
  const auto rows = execute(tx, "SELECT order_id FROM payment_events WHERE sale_no = $1 AND webhook_id = $2",
                            key.sale_no, key.webhook_id);
  if (!rows.empty()) (void)lock_order(tx, read_order_id(rows[0][0]));
  return lock_event(tx, key, patience);
}

PaymentResult settle_in(pqxx::work& tx, const PaymentKey& key, std::chrono::seconds patience, UnknownOrders unknown) {
  const auto seen = lock_with_order(tx, key, patience);
  if (seen.outcome != PaymentOutcome::waiting && seen.outcome != PaymentOutcome::late) return as_it_stands(tx, seen);
  auto result = settle_by_order(tx, lock_order(tx, seen.event.order_id), seen.event);
  result.webhook_id = seen.event.webhook_id;
  const bool is_open = result.outcome == PaymentOutcome::waiting || result.outcome == PaymentOutcome::late;
  if (is_open && seen.is_overdue) return end_waiting(tx, seen, judge_overdue(result.outcome, seen.event, unknown));
  if (result.outcome == seen.outcome) return result;
  note_outcome(tx, seen.event, result.outcome);
  commit(tx);
  return result;
}

bool has_epoch(pqxx::transaction_base& tx, std::int32_t sale_no, std::int32_t item_no, std::int64_t epoch) {
  const auto rows = execute(tx, "SELECT epoch FROM items WHERE sale_no = $1 AND item_no = $2", sale_no, item_no);
  return !rows.empty() && rows[0][0].as<std::int64_t>() == epoch;
}

LateOutcome confirm_late_in(pqxx::work& tx, const Order& taken, std::int64_t epoch) {
  const auto order = lock_order(tx, taken.id);
  if (!order) return LateOutcome::over;
  const auto& row = order->shown.row;
  const auto sale_no = row.id.sale_no();
  if (row.generation == taken.generation && row.status == OrderStatus::confirmed) {
    commit_found(tx);
    return LateOutcome::confirmed;
  }
  if (!may_come_back(order->due) || row.generation >= taken.generation) return LateOutcome::over;
  // First of all, since it also tells whether anybody still waits: the money may have gone back meanwhile.
  const auto waiting = execute(tx, embedded::payment_late_confirmed_sql, sale_no, row.id.to_string());
  if (waiting.size() != 1) return LateOutcome::over;
  for (const auto& line : row.lines) {
    const auto item =
        execute(tx, embedded::items_take_one_sql, sale_no, line.item_no, epoch, std::int64_t{line.quantity});
    if (item.affected_rows() == 1) continue;
    // What the lines before it have taken goes with the transaction.
    return has_epoch(tx, sale_no, line.item_no, epoch) ? LateOutcome::not_enough : LateOutcome::stale_epoch;
  }
  const auto confirmed = execute(tx, embedded::order_confirm_late_sql, sale_no, row.id.to_string(), taken.generation);
  auto change = change_of(row, confirmed[0][0].as<std::int32_t>(), OrderStatus::confirmed);
  const auto card_hash = waiting[0][0].as<std::string>();
  change.card_hash = card_hash;
  note_change(tx, change);
  FLASHSALE_FAULT_POINT("payment.before_late_commit");
  commit(tx);
  return LateOutcome::confirmed;
}

std::vector<FreedOrder> expire_in(pqxx::work& tx, std::int32_t sale_no, std::int32_t limit,
                                  const std::string& held_items) {
  // Two at once would wait for each other's rows crosswise; whoever comes second has nothing to do.
  if (!execute(tx, "SELECT pg_try_advisory_xact_lock($1, $2)", kExpiryLocks, sale_no)[0][0].as<bool>()) return {};
  std::vector<OrderId> due;
  for (const auto& row : execute(tx, embedded::orders_due_sql, sale_no, limit, held_items))
    due.push_back(read_order_id(row[0]));
  if (due.empty()) return {};
  std::ranges::sort(due);
  std::vector<FreedOrder> expired;
  std::map<OrderId, std::int32_t> changes;
  ItemUnits units;
  for (const auto& row : execute(tx, embedded::orders_expire_sql, sale_no, array_of(due))) {
    expired.push_back(
        {read_order(row), row[kOrderColumns].as<std::string>(), row[kOrderColumns + 1].as<std::int64_t>(), {}});
    changes[expired.back().row.id] = row[kOrderColumns + 2].as<std::int32_t>();
    add_units(units, expired.back().row);
  }
  if (expired.empty()) return {};
  note_change(tx, sale_no, expired, [&](const FreedOrder& one) {
    auto change = change_of(one.row, changes.at(one.row.id), OrderStatus::expired, one.row.reason);
    change.expires_at = one.row.expires_at;
    return std::optional(change);
  });
  free_units(tx, sale_no, units);
  FLASHSALE_FAULT_POINT("expiry.before_commit");
  commit(tx);
  FLASHSALE_FAULT_POINT("expiry.after_commit");
  return expired;
}

std::set<std::int32_t> items_due(pqxx::transaction_base& tx, std::int32_t sale_no) {
  std::set<std::int32_t> items;
  for (const auto& row : execute(tx, embedded::items_due_sql, sale_no)) items.insert(row[0].as<std::int32_t>());
  return items;
}

}  // namespace

Result<PaymentResult> apply_payment(Session& session, const PaymentEvent& event) {
  return in_transaction<PaymentResult>(session, [&](pqxx::work& tx) { return apply_in(tx, event); });
}

Result<PaymentResult> settle_payment(Session& session, const PaymentKey& message, std::chrono::seconds patience,
                                     UnknownOrders unknown) {
  return in_transaction<PaymentResult>(session,
                                       [&](pqxx::work& tx) { return settle_in(tx, message, patience, unknown); });
}

Result<bool> note_foreign_payment(Session& session, const ForeignPayment& payment) {
  return in_transaction<bool>(session, [&](pqxx::work& tx) {
    const auto noted = execute(tx, embedded::foreign_payment_insert_sql, payment.webhook_id, payment.order_id,
                               payment.payment_id, payment.succeeded, payment.paid.amount, payment.paid.currency);
    commit(tx);
    return noted.affected_rows() == 1;
  });
}

Result<PaymentResult> refuse_late_payment(Session& session, const PaymentKey& message) {
  return in_transaction<PaymentResult>(session, [&](pqxx::work& tx) {
    const auto stored = lock_with_order(tx, message, std::chrono::seconds(0));
    if (stored.outcome != PaymentOutcome::late) return as_it_stands(tx, stored);
    return end_waiting(tx, stored, give_up(stored.event, "no_units"));
  });
}

Result<std::vector<std::int32_t>> find_sales_with_open_payments(Session& session, std::int32_t after,
                                                                std::int32_t limit) {
  const auto read = [](const pqxx::row& row) { return row[0].as<std::int32_t>(); };
  return read_rows<std::int32_t>(session, read, embedded::sales_with_open_payments_sql, after, limit);
}

Result<std::vector<PaymentKey>> find_open_payments(Session& session, const PaymentKey& after,
                                                   std::chrono::milliseconds older_than, std::int32_t limit) {
  const auto read = [&](const pqxx::row& row) { return PaymentKey{after.sale_no, row[0].as<std::string>()}; };
  return read_rows<PaymentKey>(session, read, embedded::payment_events_open_sql, after.sale_no, older_than.count(),
                               after.webhook_id, limit);
}

Result<LateOutcome> confirm_late_payment(Session& session, const Order& taken, std::int64_t epoch) {
  return in_transaction<LateOutcome>(session, [&](pqxx::work& tx) { return confirm_late_in(tx, taken, epoch); });
}

Result<std::vector<std::int32_t>> find_sales_due(Session& session) {
  const auto read = [](const pqxx::row& row) { return row[0].as<std::int32_t>(); };
  return read_rows<std::int32_t>(session, read, embedded::sales_due_sql);
}

Result<std::vector<FreedOrder>> expire_orders(Session& session, std::int32_t sale_no, std::int32_t limit,
                                              std::span<const std::int32_t> held_items) {
  const std::string held = array_of(held_items);
  return in_transaction<std::vector<FreedOrder>>(session,
                                                 [&](pqxx::work& tx) { return expire_in(tx, sale_no, limit, held); });
}

Result<std::vector<std::int32_t>> find_held_items(Session& session, std::int32_t sale_no) {
  auto held = in_transaction<std::set<std::int32_t>>(session, [&](pqxx::work& tx) { return items_due(tx, sale_no); });
  if (!held) return held.error();
  if (const Error error = keep_held_items(session, sale_no, *held, Look::patient)) return error;
  return std::vector<std::int32_t>(held->begin(), held->end());
}

Result<std::vector<std::int32_t>> find_unpaid_items(Session& session, std::span<const ItemOfSale> items) {
  if (items.empty()) return std::vector<std::int32_t>{};
  ArrayLiteral sales, numbers;
  for (const auto& item : items) {
    sales.add(std::int64_t{item.sale_no});
    numbers.add(std::int64_t{item.item_no});
  }
  const std::string &sale_array = sales.close(), &number_array = numbers.close();
  return in_transaction<std::vector<std::int32_t>>(session, [&](pqxx::work& tx) {
    // Reading all orders until one is found looks cheaper, and is not where none is unpaid.
    tx.exec("SET LOCAL enable_seqscan = off");
    std::vector<std::int32_t> unpaid;
    for (const auto& row : execute(tx, embedded::items_unpaid_sql, sale_array, number_array)) {
      unpaid.push_back(row[0].as<std::int32_t>());
    }
    return unpaid;
  });
}

}  // namespace flashsale::postgres
