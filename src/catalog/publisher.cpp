#include "flashsale/catalog/publisher.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <unordered_set>
#include <utility>

#include "flashsale/model/identifier.hpp"
#include "flashsale/model/payment.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/postgres/rehearsal.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/redis/error.hpp"
#include "flashsale/redis/sale_scripts.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::catalog {
namespace {

constexpr std::int64_t kDrainPage = 100;
/// Epochs that were raised but never published leave no log behind; this many back are looked at all the same.
constexpr std::int64_t kDrainEpochsBack = 16;
/// Taken anew with every page: it only has to outlive the slowest one.
constexpr std::chrono::milliseconds kRebuildLease{5000};
constexpr std::int32_t kStockChangesPage = 1000;
/// Orders whose units a rebuild gives back; the sweeper does the rest.
constexpr std::int32_t kUnreturnedMax = 200'000;

using redis::ReplyView;

/// Epochs that may have left keys behind: those from the one that was published last on, and those just before the new
/// one. Between them can be a gap of any size, where PostgreSQL had gone back in time.
std::vector<std::int64_t> old_epochs(std::int64_t published_epoch, std::int64_t new_epoch) {
  std::vector<std::int64_t> epochs;
  const auto recent = std::max<std::int64_t>(1, new_epoch - kDrainEpochsBack);
  const auto published_end = std::min(recent, published_epoch + kDrainEpochsBack);
  if (published_epoch > 0) {
    for (auto epoch = published_epoch; epoch < published_end; ++epoch) epochs.push_back(epoch);
  }
  for (auto epoch = recent; epoch < new_epoch; ++epoch) epochs.push_back(epoch);
  return epochs;
}

}  // namespace

Publisher::Publisher(postgres::Options postgres, redis::Options redis, std::string name, telemetry::Metrics& metrics)
    : session_(postgres, name),
      writer_(postgres, name + "-writer"),
      redis_(std::move(redis), name),
      holder_(name + '-' + std::to_string(std::random_device{}()) + std::to_string(std::random_device{}())),
      metrics_(metrics) {}

bool Publisher::hold_lease(std::string_view sale_id, std::string_view kind, std::chrono::milliseconds duration) {
  const auto reply = redis_.call(redis::lease_command(sale_id, kind, holder_, duration));
  return reply && redis::read_lease(ReplyView(reply->get()));
}

bool Publisher::hold_rebuild_lease(std::string_view sale_id) { return hold_lease(sale_id, "rebuild", kRebuildLease); }

void Publisher::give_back_rebuild_lease(std::string_view sale_id) {
  (void)redis_.call(redis::lease_command(sale_id, "rebuild", holder_, std::chrono::milliseconds(0)));
}

Result<Publisher::RebuildOutcome> Publisher::rebuild(const Sale& sale, std::int64_t seen_epoch) {
  // The identity can have changed under a living connection, and what is published now carries it.
  if (const auto error = redis_.check_identity()) return error;
  // Of the server that is loaded below: should another one answer in the end, it is published as not its own, and every
  // pulse sees that.
  const std::string identity = redis_.identity();
  const auto fence = redis_.call(redis::pulse_command(sale.id, seen_epoch));
  if (!fence) return fence.error();
  const auto served = redis::read_pulse(ReplyView(fence->get()));
  if (!served) return served.error();
  FLASHSALE_FAULT_POINT("rebuild.before_raise");
  // PostgreSQL that was restored from a backup is behind the fence.
  const auto raised = postgres::raise_epoch(session_, sale.sale_no, seen_epoch, served->fence_epoch);
  if (!raised) return raised.error();
  if (!*raised) return count(RebuildOutcome::superseded);
  const std::int64_t epoch = **raised;
  FLASHSALE_FAULT_POINT("rebuild.epoch_raised");

  const auto closing = redis_.call(redis::close_fence_command(sale.id, epoch));
  if (!closing) return closing.error();
  const auto closed = redis::read_close_fence(ReplyView(closing->get()));
  if (!closed) return closed.error();
  if (closed->superseded) return count(RebuildOutcome::superseded);
  FLASHSALE_FAULT_POINT("rebuild.fence_closed");

  // Final before the snapshot is read, so what is published has their units: the audit must not count them twice.
  const auto unreturned =
      postgres::find_unreturned(session_, std::span(&sale.sale_no, 1), std::chrono::milliseconds(0), kUnreturnedMax);
  const auto prepared = prepare(sale, closed->published_epoch, epoch);
  const bool is_mine = prepared && prepared->epoch == epoch;
  FLASHSALE_FAULT_POINT("rebuild.before_publish");
  const auto outcome = is_mine ? publish(*prepared, identity) : Result<RebuildOutcome>(RebuildOutcome::superseded);
  // Keys that nobody serves any more, or ever will; a failure leaves memory behind, not a wrong number. When it is not
  // known whether the epoch was published, nothing may go.
  if (!outcome) return outcome;
  const bool published = *outcome == RebuildOutcome::published;
  FLASHSALE_FAULT_POINT("rebuild.published");
  if (published && unreturned) {
    std::vector<Order> told;
    for (const auto& order : *unreturned) told.push_back(order.row);
    (void)postgres::mark_given_back(session_, told);  // else the sweeper does it
  }
  const auto gone = published ? old_epochs(closed->published_epoch, epoch) : std::vector{epoch};
  for (const auto old : gone) {
    if (!redis_.call(redis::forget_epoch_command(sale.id, old))) break;
  }
  if (!prepared) return prepared.error();
  if (published) telemetry::log_info("sale published", {{"sale", sale.id}, {"epoch", epoch}});
  return count(*outcome);
}

Publisher::RebuildOutcome Publisher::count(RebuildOutcome outcome) {
  metrics_.rebuilds(outcome == RebuildOutcome::published ? "published" : "superseded").Increment();
  return outcome;
}

/// Everything but the publication: drains the old logs and loads the new keys. The sale as it was read; of another
/// epoch when somebody newer was here.
Result<Sale> Publisher::prepare(const Sale& sale, std::int64_t published_epoch, std::int64_t epoch) {
  if (const auto error = drain(sale, published_epoch, epoch)) return error;
  FLASHSALE_FAULT_POINT("rebuild.drained");
  return load(sale, epoch);
}

Result<Publisher::RebuildOutcome> Publisher::publish(const Sale& sale, std::string_view identity) {
  const auto reply = redis_.call(redis::publish_command(sale, identity, session_.server_identity()));
  if (!reply) return reply.error();
  const auto outcome = redis::read_publish(ReplyView(reply->get()));
  if (!outcome) return outcome.error();
  return *outcome == redis::PublishOutcome::superseded ? RebuildOutcome::superseded : RebuildOutcome::published;
}

Error Publisher::drain(const Sale& sale, std::int64_t published_epoch, std::int64_t new_epoch) {
  const auto reset_epoch = postgres::reset_epoch(session_, sale.sale_no);
  if (!reset_epoch) return reset_epoch.error();
  for (const auto old : old_epochs(published_epoch, new_epoch)) {
    if (old < *reset_epoch) continue;
    if (const auto error = drain_epoch(sale, old, new_epoch)) return error;
  }
  return {};
}

Error Publisher::drain_epoch(const Sale& sale, std::int64_t old_epoch, std::int64_t new_epoch) {
  std::string after;
  for (;;) {
    const auto reply = redis_.call(redis::pending_command(sale.id, old_epoch, after, kDrainPage));
    if (!reply) return reply.error();
    const ReplyView page(reply->get());
    std::size_t unreadable = 0;
    const auto entries = redis::read_pending(page, unreadable);
    if (!entries) return entries.error();
    if (unreadable > 0) {
      telemetry::log_error("pending log holds entries that cannot be read", {{"sale", sale.id}, {"count", unreadable}});
    }
    if (const auto error = settle_drained(sale, *entries, new_epoch)) return error;
    (void)hold_rebuild_lease(sale.id);  // a long drain keeps it
    if (page.size() < static_cast<std::size_t>(kDrainPage)) return {};
    after = page[page.size() - 1][0].text();
  }
}

/// What Redis had accepted becomes rows under the new epoch; what no longer fits becomes a rejected row. Both are what
/// the snapshot that is read next will say. A page of entries is one transaction.
Error Publisher::settle_drained(const Sale& sale, const std::vector<redis::PendingEntry>& entries,
                                std::int64_t new_epoch) {
  // A log can outlive its sale, whose numbers are given out anew when PostgreSQL was restored.
  const auto is_of_sale = [&](const OrderLine& line) { return sale.find_item(line.item_no) != nullptr; };
  std::vector<postgres::NewOrder> orders;
  std::unordered_set<OrderId, OrderIdHash> seen;
  for (const auto& entry : entries) {
    if (entry.withdrawal) {
      const auto& taken = *entry.withdrawal;
      if (!sale.find_item(taken.item_no)) continue;
      const auto result =
          postgres::withdraw_stock(session_, taken.item_no, taken.change_id, taken.units, new_epoch, taken.who);
      if (!result) return result.error();
    }
    for (const auto& order : entry.orders) {
      if (!std::ranges::all_of(order.lines, is_of_sale)) continue;
      if (entry.is_retake) {
        if (const auto error = confirm_drained(sale, order, new_epoch)) return error;
        continue;
      }
      if (!seen.insert(order.id).second) continue;
      orders.push_back({order, new_epoch});
      set_first_status(orders.back().order, sale);
    }
  }
  if (orders.empty()) return {};
  if (const auto error = refuse_above_limit(sale, orders)) return error;
  const auto written = writer_.write(orders, true);
  return written ? Error{} : written.error();
}

/// A log that has been out of sight for some epochs, as that of an old master or of a backup, was written without
/// knowing what its customers bought elsewhere since. Nobody writes new orders of this sale meanwhile: the epoch is
/// raised, and not yet published.
Error Publisher::refuse_above_limit(const Sale& sale, std::vector<postgres::NewOrder>& orders) {
  std::map<std::int32_t, std::int64_t> limit_of;
  std::vector<std::int32_t> item_nos;
  for (const auto& item : sale.items) {
    if (item.limit_per_customer <= 0) continue;
    limit_of[item.item_no] = item.limit_per_customer;
    item_nos.push_back(item.item_no);
  }
  // A name that PostgreSQL cannot take is the writer's to refuse.
  const auto is_limited = [&](const Order& order) {
    const bool has_limit =
        std::ranges::any_of(order.lines, [&](const OrderLine& line) { return limit_of.contains(line.item_no); });
    return has_limit && is_valid_customer_id(order.customer_id);
  };
  std::set<std::string> customers;
  for (const auto& one : orders) {
    if (is_limited(one.order)) customers.insert(one.order.customer_id);
  }
  const std::vector<std::string> customer_ids(customers.begin(), customers.end());
  const auto rows = postgres::find_orders_of_customers(session_, customer_ids, item_nos);
  if (!rows) return rows.error();

  std::unordered_set<OrderId, OrderIdHash> written;
  std::map<std::pair<std::int32_t, std::string>, std::int64_t> units_of;
  for (const auto& row : *rows) {
    written.insert(row.id);
    if (!is_live(row.status)) continue;
    for (const auto& line : row.lines) units_of[{line.item_no, row.customer_id}] += line.quantity;
  }
  for (auto& [order, epoch] : orders) {
    if (!is_limited(order) || written.contains(order.id)) continue;
    const auto is_within_limit = [&, &customer_id = order.customer_id](const OrderLine& line) {
      const auto limit = limit_of.find(line.item_no);
      return limit == limit_of.end() || units_of[{line.item_no, customer_id}] + line.quantity <= limit->second;
    };
    if (std::ranges::all_of(order.lines, is_within_limit)) {
      for (const auto& line : order.lines) units_of[{line.item_no, order.customer_id}] += line.quantity;
      continue;
    }
    order.status = OrderStatus::rejected;
    order.reason = "limit_exceeded";
  }
  return {};
}

/// An order that was taken again for a late payment. Whose units are gone by now, or who has bought up to the limit
/// elsewhere since, stays as it ended: the payment is settled as one that came too late.
Error Publisher::confirm_drained(const Sale& sale, const Order& taken, std::int64_t new_epoch) {
  std::vector<const Item*> limited;
  std::vector<std::int32_t> item_nos;
  for (const auto& line : taken.lines) {
    const auto* item = sale.find_item(line.item_no);
    if (!item || item->limit_per_customer <= 0) continue;
    limited.push_back(item);
    item_nos.push_back(item->item_no);
  }
  const auto rows = postgres::find_orders_of_customers(session_, std::span(&taken.customer_id, 1), item_nos);
  if (!rows) return rows.error();
  for (const auto* item : limited) {
    std::int64_t units = units_of(taken.lines, item->item_no);
    for (const auto& row : *rows) {
      if (is_live(row.status) && row.id != taken.id) units += units_of(row.lines, item->item_no);
    }
    if (units > item->limit_per_customer) return {};
  }
  const auto result = postgres::confirm_late_payment(session_, taken, new_epoch);
  // Somebody has locked this one order. Its payment still waits, and takes the units again when it is settled.
  if (!result && result.error() == make_error_code(postgres::Failure::busy)) return {};
  return result ? Error{} : result.error();
}

/// Redis takes one chunk of rows while PostgreSQL reads the next.
Result<Sale> Publisher::load(const Sale& sale, std::int64_t new_epoch) {
  Sale loaded;
  Error failure;
  postgres::SnapshotReader reader;
  reader.sale = [&](const Sale& row) {
    loaded = row;
    return row.epoch == new_epoch;
  };
  reader.orders = [&](std::span<const Order> orders) {
    auto commands = redis::load_commands(sale.id, new_epoch, orders);
    // A long load keeps the lease.
    commands.push_back(redis::lease_command(sale.id, "rebuild", holder_, kRebuildLease));
    failure = finish_loading();
    if (!failure) failure = redis_.send(commands);
    return !failure;
  };
  const auto error = postgres::read_snapshot(session_, sale.sale_no, reader);
  const auto last = finish_loading();
  if (failure) return failure;
  if (error) return error;
  if (last) return last;
  return loaded;
}

Error Publisher::finish_loading() {
  const auto replies = redis_.receive();
  if (!replies) return replies.error();
  // A record that Redis had no room for must not be missing from what is published.
  const bool all_taken = std::none_of(replies->begin(), replies->end(),
                                      [](const auto& reply) { return ReplyView(reply.get()).is_error(); });
  return all_taken ? Error{} : make_error_code(redis::Failure::unavailable);
}

Result<Publisher::PushOutcome> Publisher::push_definition(const Sale& sale) {
  if (const auto error = redis_.connect()) return error;
  const auto reply = redis_.call(redis::configure_command(sale, redis_.identity()));
  if (!reply) return reply.error();
  const auto outcome = redis::read_configure(ReplyView(reply->get()));
  if (!outcome) return outcome.error();
  return *outcome == redis::ConfigureOutcome::lost ? PushOutcome::lost : PushOutcome::done;
}

Result<Publisher::PushOutcome> Publisher::push_stock(const Sale& sale, std::int32_t item_no) {
  if (const auto error = redis_.connect()) return error;
  const redis::Fence fence{sale.id, sale.epoch, redis_.identity()};
  const auto pulse = redis_.call(redis::pulse_command(sale.id, sale.epoch));
  if (!pulse) return pulse.error();
  const auto levels = redis::read_pulse(ReplyView(pulse->get()));
  if (!levels) return levels.error();
  const auto item = std::find_if(levels->items.begin(), levels->items.end(),
                                 [&](const redis::PulseItem& i) { return i.item_no == item_no; });
  if (levels->lost || item == levels->items.end()) return PushOutcome::lost;

  const auto changes = postgres::stock_changes_after(session_, item_no, item->stock_version, kStockChangesPage);
  if (!changes) return changes.error();
  for (const auto& change : *changes) {
    const auto reply = redis_.call(redis::restock_command(fence, item_no, change.version, change.delta));
    if (!reply) return reply.error();
    const auto outcome = redis::read_restock(ReplyView(reply->get()));
    if (!outcome) return outcome.error();
    if (*outcome == redis::RestockOutcome::lost) return PushOutcome::lost;
  }
  return PushOutcome::done;
}

Error Publisher::announce(std::int64_t directory_version) {
  const auto reply = redis_.call(redis::raise_directory_command(directory_version));
  return reply ? Error{} : reply.error();
}

}  // namespace flashsale::catalog
