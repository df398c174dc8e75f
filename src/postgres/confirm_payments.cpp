#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/model/check.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "paid_order.hpp"
#include "row_query.hpp"
#include "row_reader.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

using Told = std::span<const ToldPayment>;
using Confirmed = std::vector<std::optional<PaymentResult>>;  // as the messages stand
using MessageOf = std::map<OrderId, std::size_t>;             // where it stands among them

MessageOf by_order(Told told) {
  MessageOf messages;
  for (std::size_t place = 0; place < told.size(); ++place) {
    const auto& event = told[place].event;
    FLASHSALE_CHECK(event.succeeded && event.order_id.sale_no() == told.front().event.order_id.sale_no());
    const bool is_alone = messages.emplace(event.order_id, place).second;
    FLASHSALE_CHECK(is_alone);
  }
  return messages;
}

std::vector<OrderId> lock_unpaid(pqxx::transaction_base& tx, const MessageOf& messages) {
  std::vector<OrderId> ids;
  for (const auto& [id, place] : messages) ids.push_back(id);
  std::vector<OrderId> locked;
  for (const auto& row : execute(tx, embedded::orders_lock_unpaid_sql, ids.front().sale_no(), array_of(ids))) {
    locked.push_back(read_order_id(row[0]));
  }
  return locked;
}

/// Those that the payment confirms and of which nothing else was told.
std::vector<PaidOrder> lock_paid(pqxx::transaction_base& tx, Told told, const MessageOf& messages) {
  const auto locked = lock_unpaid(tx, messages);
  auto orders = read_paid_orders(tx, locked);
  std::erase_if(orders, [&](PaidOrder& order) {
    const auto& [event, cause] = told[messages.at(order.shown.row.id)];
    order.cause = cause;
    order.card_hash = event.card_hash;
    return order.is_told_of || judge(order.due, event, {}).outcome != PaymentOutcome::confirmed;
  });
  return orders;
}

/// False: one of the messages is known by its id.
bool store(pqxx::transaction_base& tx, std::vector<const PaymentEvent*> events) {
  std::ranges::sort(events, {}, &PaymentEvent::webhook_id);
  ArrayLiteral webhooks, orders, payments, amounts, currencies;
  for (const auto* event : events) {
    webhooks.add_text(event->webhook_id);
    orders.add(event->order_id);
    payments.add_text(event->payment_id);
    amounts.add(event->paid.amount);
    currencies.add_text(event->paid.currency);
  }
  const auto stored = execute(tx, embedded::payment_events_insert_confirmed_sql, events.front()->order_id.sale_no(),
                              webhooks.close(), orders.close(), payments.close(), amounts.close(), currencies.close());
  return static_cast<std::size_t>(stored.affected_rows()) == events.size();
}

Confirmed confirm_in(pqxx::work& tx, Told told) {
  Confirmed confirmed(told.size());
  const auto messages = by_order(told);
  auto orders = lock_paid(tx, told, messages);
  if (orders.empty()) return confirmed;
  confirm_paid(tx, orders);
  std::vector<const PaymentEvent*> events;
  events.reserve(orders.size());
  for (const auto& order : orders) events.push_back(&told[messages.at(order.shown.row.id)].event);
  if (!store(tx, std::move(events))) return confirmed;
  FLASHSALE_FAULT_POINT("payment.before_commit");
  commit(tx);
  FLASHSALE_FAULT_POINT("payment.after_commit");
  for (auto& order : orders) {
    const auto place = messages.at(order.shown.row.id);
    auto& result = confirmed[place].emplace(std::move(order.shown));
    result.outcome = PaymentOutcome::confirmed;
    result.webhook_id = told[place].event.webhook_id;
  }
  return confirmed;
}

}  // namespace

Result<Confirmed> confirm_payments(Session& session, Told told) {
  if (told.empty()) return Confirmed{};
  return in_transaction<Confirmed>(session, [&](pqxx::work& tx) { return confirm_in(tx, told); });
}

}  // namespace flashsale::postgres
