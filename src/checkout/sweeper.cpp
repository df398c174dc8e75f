#include "flashsale/checkout/sweeper.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "flashsale/checkout/erased_names.hpp"
#include "flashsale/checkout/give_back.hpp"
#include "flashsale/checkout/retake.hpp"
#include "flashsale/postgres/behaviour_repository.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/postgres/stalled_writers.hpp"
#include "flashsale/redis/pending_log.hpp"
#include "flashsale/redis/release.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::checkout {
namespace {

constexpr std::int64_t kPage = 50;
constexpr std::int32_t kGivenBackAtOnce = 1000;
/// In one pass: a crowd whose time to pay has ended while Redis was away.
constexpr int kGiveBackRounds = 20;
/// An entry can be so much newer than the pulse that told of it.
constexpr std::chrono::milliseconds kClockSlack{1000};

}  // namespace

Sweeper::Sweeper(Options options, catalog::Upkeep& upkeep, Journal& journal, telemetry::Metrics& metrics)
    : options_(std::move(options)),
      upkeep_(upkeep),
      journal_(journal),
      metrics_(metrics),
      stores_(postgres::with_brief_waits(options_.postgres), options_.redis, "sweeper", metrics),
      thread_(options_.interval, [this] { pass(); }) {}

void Sweeper::settled(std::vector<SettledOrder> orders) {
  const std::lock_guard lock(mutex_);
  for (auto& order : orders) {
    auto& entry = entries_.at(order.token);
    --entry.unsettled;
    --in_flight_;
    const auto verdict = catalog::judge(entry.orders, order.result);
    entry.end = std::max(entry.end, verdict.end);
    if (verdict.release == catalog::Release::nothing) continue;
    entry.refused.push_back({std::move(order.result.row), verdict.release == catalog::Release::with_units});
  }
  // The quota is free again: what it has left behind is not left to the next interval.
  if (in_flight_ == 0 && std::exchange(has_left_some_, false)) thread_.wake();
}

void Sweeper::pass() {
  const auto snapshot = snapshot_.get();
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(resting_, [&](const auto& one) { return one.second <= now; });
  finish_entries();
  held_back_ = count_held_back();
  (void)postgres::end_stalled_writers(stores_.session());
  if (!snapshot || !snapshot->redis_reached) return;
  for (const auto& sale : snapshot->sales) {
    if (sale->serving && sale->log_entries > 0 && is_overdue(*sale)) sweep_log(*sale);
  }
  give_units_back(*snapshot);
  tell_erased_names(stores_, names_told_up_to_);
  if (now < behaviour_at_) return;
  behaviour_at_ = now + options_.behaviour_interval;
  drop_old_behaviour(*snapshot);
}

/// By Redis's clock; what lies in the future of that has come before it stepped back, and ages by the clock here.
bool Sweeper::is_overdue(const catalog::SaleSnapshot& sale) {
  if (!sale.oldest_entry_at) return false;
  const auto sale_no = sale.sale->sale_no;
  const auto age = sale.clock.reading - *sale.oldest_entry_at;
  if (age >= -kClockSlack) {
    future_entries_.erase(sale_no);
    return age > options_.older_than;
  }
  const auto now = std::chrono::steady_clock::now();
  auto& seen = future_entries_[sale_no];
  if (seen.at != *sale.oldest_entry_at) seen = {*sale.oldest_entry_at, now};
  return now - seen.since > options_.older_than;
}

void Sweeper::sweep_log(const catalog::SaleSnapshot& snapshot) {
  const auto& sale = *snapshot.sale;
  if (!has_room_for(1) || !stores_.hold_lease(sale.id, "sweep", options_.interval * 2)) return;
  // Whoever can do nothing for a sale must not keep others from it.
  if (sweep_entries(snapshot) == Swept::nothing) stores_.hold_lease(sale.id, "sweep", std::chrono::milliseconds(0));
}

Sweeper::Swept Sweeper::sweep_entries(const catalog::SaleSnapshot& snapshot) {
  const auto& sale = snapshot.sale;
  auto swept = Swept::nothing;
  std::string after;
  for (;;) {
    auto page = stores_.redis().ask(redis::pending(sale->id, sale->epoch, after, kPage));
    if (!page || page->size == 0) return swept;
    for (auto& entry : page->entries) {
      const auto age = snapshot.clock.reading - entry.created_at;
      if (age >= -kClockSlack && age <= options_.older_than) return swept;
      if (thread_.is_stopping() || !has_room_for(entry.orders.size())) return swept;
      const std::string id = entry.id;
      auto work = catalog::find_pending_work(std::move(entry), *sale, catalog::LogOf::served_epoch);
      if (!work || is_let_alone(*sale, id, *work)) continue;
      swept = Swept::some;
      if (has_in_hand(sale->sale_no, sale->epoch, id)) continue;
      std::visit([&](auto&& one) { carry_out(sale, id, std::forward<decltype(one)>(one)); }, std::move(*work));
    }
    after = page->last_id;
  }
}

/// One by itself always has: another instance, or an earlier setting, may have made it larger. Orders that wait for
/// items that somebody holds, or with their sales, take no room from others, up to as much again.
bool Sweeper::has_room_for(std::size_t orders) {
  const std::lock_guard lock(mutex_);
  const auto most = options_.in_flight_max;
  const auto counted = in_flight_ - std::min(in_flight_, held_back_);
  if (in_flight_ == 0 || (counted + orders <= most && in_flight_ + orders <= 2 * most)) return true;
  has_left_some_ = true;
  return false;
}

std::size_t Sweeper::count_held_back() {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const auto& [token, entry] : entries_) {
    if (entry.unsettled > 0 && is_held_back(entry.orders)) count += entry.unsettled;
  }
  return count;
}

bool Sweeper::is_held_back(const std::vector<Order>& orders) const {
  if (journal_.held_back() == 0) return false;
  return std::ranges::any_of(
      orders, [this](const Order& order) { return journal_.holds_back(order.id.sale_no(), order.lines); });
}

/// It waits for a correction, or would only wait in the journal, as perhaps it does in another instance's.
bool Sweeper::is_let_alone(const Sale& sale, const std::string& entry_id, const catalog::PendingWork& work) const {
  const auto* write = std::get_if<catalog::WriteOrders>(&work);
  return resting_.contains({sale.sale_no, sale.epoch, entry_id}) || (write && is_held_back(write->orders));
}

/// The entry stays until the correction drops it with its epoch. Should that not be made, as while PostgreSQL holds a
/// row of the sale, the entry rests for an interval.
void Sweeper::request_correction(const std::shared_ptr<const Sale>& sale, const std::string& entry_id) {
  resting_[{sale->sale_no, sale->epoch, entry_id}] = std::chrono::steady_clock::now() + options_.interval;
  upkeep_.request_correction(sale, sale->epoch);
}

bool Sweeper::has_in_hand(std::int32_t sale_no, std::int64_t epoch, const std::string& entry_id) {
  const std::lock_guard lock(mutex_);
  for (const auto& [token, entry] : entries_) {
    if (entry.entry_id == entry_id && entry.sale->sale_no == sale_no && entry.sale->epoch == epoch) return true;
  }
  return false;
}

void Sweeper::carry_out(const std::shared_ptr<const Sale>& sale, const std::string& entry_id,
                        catalog::WriteOrders work) {
  std::vector<Journal::Submission> submissions;
  {
    const std::lock_guard lock(mutex_);
    const auto token = next_token_++;
    entries_[token] = {sale, entry_id, work.orders, work.orders.size(), {}, catalog::EntryEnd::done};
    in_flight_ += work.orders.size();
    for (auto& order : work.orders) {
      submissions.push_back({catalog::to_write(work, std::move(order), sale->epoch), true, this, token});
    }
  }
  telemetry::log_info("pending orders are written by the sweeper",
                      {{"sale", sale->id}, {"orders", submissions.size()}, {"entry", entry_id}});
  FLASHSALE_FAULT_POINT("sweeper.before_submit");
  journal_.submit(std::move(submissions));
  FLASHSALE_FAULT_POINT("sweeper.after_submit");
}

void Sweeper::carry_out(const std::shared_ptr<const Sale>& sale, const std::string& entry_id,
                        const catalog::WriteWithdrawal& work) {
  const auto& taken = work.taken;
  const auto written = postgres::withdraw_stock(stores_.session(), sale->sale_no, taken.item_no, taken.change_id,
                                                taken.units, sale->epoch, taken.who);
  switch (catalog::judge(written, catalog::LogOf::served_epoch).end) {
    case catalog::EntryEnd::unsettled: return;
    case catalog::EntryEnd::corrected: return request_correction(sale, entry_id);
    case catalog::EntryEnd::done: break;
  }
  (void)stores_.redis().ask(redis::trim(sale->id, sale->epoch, std::span(&entry_id, 1)));
}

/// A late payment whose order was taken again, by somebody who did not get to the end of it.
void Sweeper::carry_out(const std::shared_ptr<const Sale>& sale, const std::string& entry_id,
                        const catalog::ConfirmRetake& work) {
  if (finish_retake(stores_, *sale, work.taken, entry_id) == RetakeEnd::drifted) request_correction(sale, entry_id);
}

void Sweeper::finish_entries() {
  std::vector<Entry> done;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = entries_.begin(); at != entries_.end();) {
      if (at->second.unsettled > 0) {
        ++at;
        continue;
      }
      done.push_back(std::move(at->second));
      at = entries_.erase(at);
    }
  }
  for (const auto& entry : done) finish_entry(entry);
}

void Sweeper::finish_entry(const Entry& entry) {
  if (entry.end == catalog::EntryEnd::unsettled) return;
  auto& client = stores_.redis();
  if (client.connect()) return;
  const auto fence = stores_.fence(entry.sale->id, entry.sale->epoch);
  for (const auto& [row, with_units] : entry.refused) {
    // Not answered: the entry stays for the next pass.
    if (!client.ask(redis::release(fence, row, with_units))) return;
  }
  // Until the correction has begun nothing but the entry tells of it.
  if (entry.end == catalog::EntryEnd::corrected) return request_correction(entry.sale, entry.entry_id);
  FLASHSALE_FAULT_POINT("sweeper.before_trim");
  (void)client.ask(redis::trim(entry.sale->id, entry.sale->epoch, std::span(&entry.entry_id, 1)));
}

/// Sale by sale: one that is not served, or whose orders stay as they are since somebody has locked them, must not
/// stand in front of the others.
void Sweeper::give_units_back(const catalog::Snapshot& snapshot) {
  const auto sales =
      postgres::find_sales_with_freed_orders(stores_.session(), postgres::InRedis::yes, options_.interval);
  if (!sales) return;
  std::erase_if(given_back_up_to_,
                [&](const auto& one) { return std::ranges::find(*sales, one.first) == sales->end(); });
  for (const auto sale_no : *sales) {
    const auto sale = snapshot.find(sale_no);
    if (sale && sale->serving) give_units_back(sale_no);
  }
}

/// On from where the pass before ended.
void Sweeper::give_units_back(std::int32_t sale_no) {
  for (int round = 0; round < kGiveBackRounds; ++round) {
    std::optional<postgres::FreedOrder> after;
    if (auto known = given_back_up_to_.extract(sale_no)) after = std::move(known.mapped());
    const auto freed = postgres::find_freed_orders(stores_.session(), sale_no, options_.interval, kGivenBackAtOnce,
                                                   after ? &*after : nullptr);
    if (!freed || give_back(stores_, *freed)) return;
    if (freed->size() < static_cast<std::size_t>(kGivenBackAtOnce)) return;
    given_back_up_to_.emplace(sale_no, freed->back());
  }
}

/// After what buyers wait for: one sale at a time, and some of its rows.
void Sweeper::drop_old_behaviour(const catalog::Snapshot& snapshot) {
  if (snapshot.sales.empty()) return;
  behaviour_next_ = (behaviour_next_ + 1) % snapshot.sales.size();
  const auto sale_no = snapshot.sales[behaviour_next_]->sale->sale_no;
  (void)postgres::drop_old_behaviour(stores_.session(), sale_no, options_.behaviour_keep);
}

}  // namespace flashsale::checkout
