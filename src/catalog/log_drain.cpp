#include "log_drain.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <unordered_set>
#include <utility>
#include <variant>

#include "drain_limits.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/redis/error.hpp"
#include "flashsale/redis/pending_log.hpp"
#include "flashsale/redis/rebuild_scripts.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::catalog {
namespace {

constexpr std::int64_t kPage = 100;
/// Of one transaction, unless it turns out to be too many for the time that a statement has.
constexpr std::size_t kOrdersAtOnce = 2048;

/// Those whose log is there and holds something.
Result<std::vector<std::int64_t>> find_logs(redis::SyncClient& client, const Sale& sale,
                                            std::span<const std::int64_t> epochs) {
  std::vector<redis::Call<std::int64_t>> calls;
  for (const auto epoch : epochs) calls.push_back(redis::log_length(sale.id, epoch));
  if (calls.empty()) return std::vector<std::int64_t>{};
  const auto lengths = client.ask_all<std::int64_t>(calls);
  if (!lengths) return lengths.error();
  std::vector<std::int64_t> found;
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    const auto& length = (*lengths)[i];
    if (!length) return length.error();
    if (*length > 0) found.push_back(epochs[i]);
  }
  return found;
}

}  // namespace

Error LogDrain::drain(const Sale& sale, std::span<const std::int64_t> old_epochs, std::int64_t new_epoch) {
  const auto logs = find_logs(redis_, sale, old_epochs);
  if (!logs) return logs.error();
  for (const auto old : *logs) {
    if (const auto error = drain_epoch(sale, old, new_epoch)) return error;
  }
  return {};
}

Error LogDrain::drain_epoch(const Sale& sale, std::int64_t old_epoch, std::int64_t new_epoch) {
  std::string after;
  for (;;) {
    auto read = redis_.ask(redis::pending(sale.id, old_epoch, after, kPage));
    if (!read) return read.error();
    if (read->unreadable > 0) {
      telemetry::log_error("pending log holds entries that cannot be read",
                           {{"sale", sale.id}, {"count", read->unreadable}});
    }
    Page page{sale, old_epoch, new_epoch, {}};
    if (const auto error = settle(page, std::move(read->entries))) return error;
    if (read->size < static_cast<std::size_t>(kPage)) return {};
    after = read->last_id;
  }
}

/// In the order in which Redis has accepted them.
Error LogDrain::settle(Page& page, std::vector<redis::PendingEntry> entries) {
  for (auto& entry : entries) {
    auto work = find_pending_work(std::move(entry), page.sale, LogOf::older_epoch);
    if (!work) continue;
    const auto carry = [&](auto&& one) { return carry_out(page, std::forward<decltype(one)>(one)); };
    if (const auto error = std::visit(carry, std::move(*work))) return error;
  }
  return write(page);
}

Error LogDrain::carry_out(Page& page, WriteOrders work) {
  for (auto& order : work.orders) page.orders.push_back(to_write(work, std::move(order), page.new_epoch));
  return {};
}

Error LogDrain::carry_out(Page& page, const ConfirmRetake& work) {
  if (const auto error = write(page)) return error;
  return confirm(page.sale, work.taken, page.new_epoch);
}

Error LogDrain::carry_out(Page& page, const WriteWithdrawal& work) {
  if (const auto error = write(page)) return error;
  const auto& taken = work.taken;
  const auto written = postgres::withdraw_stock(session_, page.sale.sale_no, taken.item_no, taken.change_id,
                                                taken.units, page.new_epoch, taken.who, page.old_epoch);
  return judge(written, LogOf::older_epoch).end == EntryEnd::unsettled ? written.error() : Error{};
}

/// As the journal does, fewer at a time when PostgreSQL is there but does not get to the end of them in its time: a log
/// that is too much for one transaction must not keep its sale from being rebuilt.
Error LogDrain::write(Page& page) {
  std::unordered_set<OrderId, OrderIdHash> seen;
  std::erase_if(page.orders, [&](const auto& order) { return !seen.insert(order.order.id).second; });
  std::size_t at_once = kOrdersAtOnce;
  for (std::span left(page.orders); !left.empty();) {
    const auto some = left.first(std::min(at_once, left.size()));
    const auto began = std::chrono::steady_clock::now();
    const auto error = write_once(page.sale, some);
    if (!error) {
      left = left.subspan(some.size());
      continue;
    }
    const bool took_long = std::chrono::steady_clock::now() - began >= session_.options().statement_timeout;
    const bool is_away = error == postgres::make_error_code(postgres::Failure::unavailable) && !took_long;
    // Somebody holds a row. Each smaller try that meets it takes as long, and the rebuild is tried again anyway.
    const bool is_held = error == postgres::make_error_code(postgres::Failure::busy);
    if (is_away || is_held || some.size() == 1) return error;
    at_once = some.size() / 2;
  }
  page.orders.clear();
  return {};
}

Error LogDrain::write_once(const Sale& sale, std::span<postgres::NewOrder> orders) {
  if (const auto error = refuse_those_above_limit(sale, orders)) return error;
  const auto written = writer_.write(orders, true);
  return written ? Error{} : written.error();
}

/// Nobody writes new orders of this sale meanwhile: the epoch is raised, and not yet published.
Error LogDrain::refuse_those_above_limit(const Sale& sale, std::span<postgres::NewOrder> orders) {
  const auto customers = find_limited_customers(sale, orders);
  const auto rows = postgres::find_orders_of_customers(session_, sale.sale_no, customers);
  if (!rows) return rows.error();
  refuse_above_limit(sale, *rows, orders);
  return {};
}

/// An order that was taken again for a late payment. Whose units are gone by now, or who has bought up to the limit
/// elsewhere since, stays as it ended: the payment is settled as one that came too late.
Error LogDrain::confirm(const Sale& sale, const Order& taken, std::int64_t new_epoch) {
  const auto rows = postgres::find_orders_of_customers(session_, sale.sale_no, {{taken.customer_id, taken.id}});
  if (!rows) return rows.error();
  if (!is_within_limit(sale, *rows, taken)) return {};
  const auto confirmed = postgres::confirm_late_payment(session_, taken, new_epoch);
  return judge(confirmed, LogOf::older_epoch).end == EntryEnd::unsettled ? confirmed.error() : Error{};
}

}  // namespace flashsale::catalog
