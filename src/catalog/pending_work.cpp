#include "flashsale/catalog/pending_work.hpp"

#include <algorithm>
#include <utility>

#include "flashsale/model/check.hpp"
#include "flashsale/model/payment.hpp"
#include "flashsale/postgres/error.hpp"

namespace flashsale::catalog {
namespace {

/// A log can outlive its sale: one of the same name has another number.
bool is_of(const Sale& sale, const Order& order) {
  if (order.id.sale_no() != sale.sale_no) return false;
  return std::ranges::all_of(order.lines, [&](const OrderLine& line) { return sale.find_item(line.item_no); });
}

}  // namespace

std::optional<PendingWork> find_pending_work(redis::PendingEntry entry, const Sale& sale, LogOf log) {
  const bool may_be_foreign = log == LogOf::older_epoch;
  if (entry.withdrawal) {
    if (may_be_foreign && !sale.find_item(entry.withdrawal->item_no)) return std::nullopt;
    return WriteWithdrawal{std::move(*entry.withdrawal)};
  }
  if (may_be_foreign) std::erase_if(entry.orders, [&](const Order& order) { return !is_of(sale, order); });
  if (entry.is_retake) {
    if (entry.orders.empty()) return std::nullopt;
    FLASHSALE_CHECK(entry.orders.size() == 1);
    return ConfirmRetake{std::move(entry.orders.front())};
  }
  for (auto& order : entry.orders) set_first_status(order, sale);
  return WriteOrders{std::move(entry.orders), std::move(entry.client_hashes)};
}

postgres::NewOrder to_write(const WriteOrders& work, Order order, std::int64_t epoch) {
  const auto hash = work.client_hashes.find(order.id);
  postgres::NewOrder told{std::move(order), epoch};
  if (hash != work.client_hashes.end()) told.client_hash = hash->second;
  return told;
}

Verdict judge(std::span<const Order> sent, const postgres::WriteResult& written) {
  switch (written.outcome) {
    case postgres::WriteOutcome::committed:
    case postgres::WriteOutcome::recorded: return {};
    case postgres::WriteOutcome::existing: break;
    // What PostgreSQL never had must not be given back.
    case postgres::WriteOutcome::rejected: return {EntryEnd::corrected, Release::without_units};
    case postgres::WriteOutcome::stale_epoch: return {EntryEnd::unsettled, Release::nothing};
  }
  const auto& row = written.row;
  if (row.status == OrderStatus::rejected) return {EntryEnd::corrected, Release::without_units};
  if (!is_live(row.status)) return {EntryEnd::done, Release::with_units};
  const auto own = std::ranges::find(sent, row.id, &Order::id);
  FLASHSALE_CHECK(own != sent.end());
  // Redis may hold other lines than the key's order has.
  return {own->lines == row.lines ? EntryEnd::done : EntryEnd::corrected, Release::nothing};
}

Verdict judge(const Result<postgres::LateOutcome>& confirmed, LogOf log) {
  if (log == LogOf::older_epoch) {
    if (confirmed) return {};
    // Somebody has locked this one order. Its payment still waits, and takes the units again when it is settled.
    const auto error = confirmed.error();
    const bool can_wait = error == postgres::make_error_code(postgres::Failure::busy) ||
                          error == postgres::make_error_code(postgres::Failure::timed_out);
    return {can_wait ? EntryEnd::done : EntryEnd::unsettled, Release::nothing};
  }
  if (!confirmed) return {EntryEnd::unsettled, Release::nothing};
  switch (*confirmed) {
    case postgres::LateOutcome::confirmed: break;
    case postgres::LateOutcome::stale_epoch: return {EntryEnd::unsettled, Release::nothing};
    case postgres::LateOutcome::not_enough: return {EntryEnd::corrected, Release::without_units};
    case postgres::LateOutcome::over: return {EntryEnd::done, Release::with_units};
  }
  return {};
}

Verdict judge(const Result<postgres::StockChangeResult>& withdrawn, LogOf log) {
  if (!withdrawn) return {EntryEnd::unsettled, Release::nothing};
  if (log == LogOf::older_epoch) return {};
  using Outcome = postgres::StockChangeResult::Outcome;
  switch (withdrawn->outcome) {
    case Outcome::done:
    case Outcome::unknown_item:
    case Outcome::key_reused: break;
    case Outcome::stale_epoch: return {EntryEnd::unsettled, Release::nothing};
    // Repeated: a rebuild has written what an older epoch took, and these units were taken once more (PROTOCOL R12), or
    // a crash came before the trim; the two look alike, and a correction is right for both.
    case Outcome::repeated:
    case Outcome::not_enough: return {EntryEnd::corrected, Release::nothing};
  }
  return {};
}

}  // namespace flashsale::catalog
