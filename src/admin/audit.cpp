#include "flashsale/admin/audit.hpp"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/redis/audit.hpp"
#include "flashsale/redis/error.hpp"
#include "flashsale/redis/redis_clock.hpp"

namespace flashsale::admin {
namespace {

constexpr std::chrono::milliseconds kPauseBetweenReads{50};
constexpr std::int64_t kLogEntriesMax = 50'000;

Result<redis::AuditReply> read_redis(workers::Stores& stores, const Sale& sale) {
  auto& client = stores.redis();
  if (const auto error = client.connect()) return error;
  const auto fence = stores.fence(sale.id, sale.epoch);
  auto result = client.ask(redis::audit(fence, kLogEntriesMax));
  // Or it is this connection that knows the server by an older identity (PROTOCOL R6).
  if (result && result->outcome == redis::AuditReply::Outcome::lost) (void)client.check_identity();
  if (result && result->outcome != redis::AuditReply::Outcome::ok) return make_error_code(redis::Failure::unavailable);
  return result;
}

const redis::ItemLevel* find_item(const std::vector<redis::ItemLevel>& items, std::int32_t item_no) {
  const auto found = std::find_if(items.begin(), items.end(), [&](const auto& i) { return i.item_no == item_no; });
  return found == items.end() ? nullptr : &*found;
}

/// Units of the pending log that have no row yet, by item.
struct Unwritten {
  std::map<std::int32_t, std::int64_t> orders;
  std::map<std::int32_t, std::int64_t> withdrawals;
};

Result<Unwritten> count_unwritten(workers::Stores& stores, std::int32_t sale_no, const redis::AuditReply& reply,
                                  const postgres::SaleAudit& rows) {
  Unwritten unwritten;
  for (const auto& entry : reply.pending) {
    for (const auto& order : entry.orders) {
      const auto row = rows.pending_with_row.find(order.id);
      const bool is_written = row != rows.pending_with_row.end() && row->second >= order.generation;
      if (is_written) continue;
      for (const auto& line : order.lines) unwritten.orders[line.item_no] += line.quantity;
    }
    if (!entry.withdrawal) continue;
    const auto change = postgres::find_stock_change(stores.session(), sale_no, entry.withdrawal->change_id);
    if (!change) return change.error();
    if (!*change) unwritten.withdrawals[entry.withdrawal->item_no] += entry.withdrawal->units;
  }
  return unwritten;
}

std::int64_t units_of(const std::map<std::int32_t, std::int64_t>& by_item, std::int32_t item_no) {
  const auto found = by_item.find(item_no);
  return found == by_item.end() ? 0 : found->second;
}

/// Redis has let it go: what remains is what was not sold.
Result<AuditReport> look_at_past_sale(workers::Stores& stores, const Sale& sale) {
  const auto now = stores.redis().ask(redis::read_clock());
  if (!now) return now.error();
  const auto rows = postgres::read_audit(stores.session(), sale.sale_no, *now, {});
  if (!rows) return rows.error();
  AuditReport report{sale.id, sale.rehearsal, true, *now, {}};
  for (const auto& row : rows->items) {
    const auto* item = sale.find_item(row.item_no);
    if (!item) continue;
    AuditedItem audited{item->sku, row.stock, row.sold, row.stock - row.sold, 0, row.live_units};
    audited.judged = true;
    audited.drift = row.live_units - row.sold;
    audited.consistent = audited.drift == 0;
    report.consistent = report.consistent && audited.consistent;
    report.items.push_back(audited);
  }
  return report;
}

}  // namespace

Result<AuditReport> look_at_sale(workers::Stores& stores, const Sale& sale) {
  if (sale.let_go) return look_at_past_sale(stores, sale);
  const auto before = read_redis(stores, sale);
  if (!before) return before.error();
  std::vector<OrderId> pending_ids;
  for (const auto& entry : before->pending) {
    for (const auto& order : entry.orders) pending_ids.push_back(order.id);
  }
  const auto rows = postgres::read_audit(stores.session(), sale.sale_no, before->now, pending_ids);
  if (!rows) return rows.error();
  const auto unwritten = count_unwritten(stores, sale.sale_no, *before, *rows);
  if (!unwritten) return unwritten.error();
  const auto after = read_redis(stores, sale);
  if (!after) return after.error();

  AuditReport report{sale.id, sale.rehearsal, rows->epoch == sale.epoch, before->now, {}};
  for (const auto& item : sale.items) {
    const auto row = std::find_if(rows->items.begin(), rows->items.end(),
                                  [&](const postgres::ItemAudit& r) { return r.item_no == item.item_no; });
    if (row == rows->items.end()) {
      report.consistent = false;
      continue;
    }
    report.items.push_back(
        judge(item, *row,
              {find_item(before->items, item.item_no), find_item(after->items, item.item_no), before->now, after->now},
              {units_of(unwritten->orders, item.item_no), units_of(unwritten->withdrawals, item.item_no)}));
    report.consistent = report.consistent && report.items.back().consistent;
  }
  return report;
}

Result<std::optional<AuditReport>> audit_sale(workers::Stores& stores, std::string_view sale_id,
                                              std::chrono::milliseconds patience) {
  const auto give_up_at = std::chrono::steady_clock::now() + patience;
  for (;;) {
    // Read anew each time: a rebuild in between changes the epoch.
    const auto sale = postgres::find_sale(stores.session(), sale_id);
    if (!sale) return sale.error();
    if (!*sale) return std::optional<AuditReport>{};
    auto report = look_at_sale(stores, **sale);
    const bool done = report && report->consistent;
    if (done || std::chrono::steady_clock::now() >= give_up_at) {
      if (!report) return report.error();
      return std::optional<AuditReport>(std::move(*report));
    }
    std::this_thread::sleep_for(kPauseBetweenReads);
  }
}

}  // namespace flashsale::admin
