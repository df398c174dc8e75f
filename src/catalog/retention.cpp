#include "flashsale/catalog/retention.hpp"

#include <algorithm>
#include <utility>

#include "flashsale/catalog/rebuild.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/postgres/rehearsal.hpp"
#include "flashsale/postgres/retention.hpp"
#include "flashsale/redis/pending_log.hpp"
#include "flashsale/redis/rebuild_scripts.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::catalog {
namespace {

/// Orders of past sales are cancelled seldom.
constexpr std::chrono::seconds kTidyInterval{60};
constexpr std::chrono::seconds kLease{10};
constexpr std::chrono::seconds kPause{10};
constexpr std::chrono::seconds kResetsInterval{5};
/// A reset gets on several times a second.
constexpr std::chrono::seconds kResetStalled{10};

}  // namespace

Retention::Retention(Options options, telemetry::Metrics& metrics)
    : options_(std::move(options)),
      stores_(postgres::with_brief_waits(options_.postgres), options_.redis, "retention", metrics),
      thread_(options_.interval, [this] { pass(); }) {}

void Retention::pass() {
  const auto snapshot = snapshot_.get();
  if (snapshot && snapshot->redis_reached) look(*snapshot);
  finish_resets();
}

void Retention::look(const Snapshot& snapshot) {
  bool some_are_gone = false;
  for (const auto& sale : snapshot.sales) {
    if (thread_.is_stopping()) return;
    some_are_gone = some_are_gone || sale->sale->let_go;
    if (!sale->sale->let_go) {
      // A rehearsal that was let go and reset has keys again.
      forgotten_.erase(sale->sale->sale_no);
      if (is_due(*sale)) let_go(*sale->sale);
    } else if (!forgotten_.contains(sale->sale->sale_no)) {
      // Whoever let it go may have died before its keys were.
      if (!forget(*sale->sale, sale->sale->epoch - 1)) return;
    }
  }
  if (some_are_gone && std::chrono::steady_clock::now() >= tidy_at_) {
    if (tidy()) tidy_at_ = std::chrono::steady_clock::now() + kTidyInterval;
  }
}

/// False: not everywhere.
bool Retention::tidy() {
  const auto sales =
      postgres::find_sales_with_freed_orders(stores_.session(), postgres::InRedis::no, std::chrono::milliseconds(0));
  if (!sales) return false;
  bool all = true;
  for (const auto sale_no : *sales) all = !postgres::forget_freed_orders(stores_.session(), sale_no) && all;
  return all;
}

/// Whoever was at it has died, and left a rehearsal that counts orders as sold that are gone.
void Retention::finish_resets() {
  if (std::chrono::steady_clock::now() < resets_at_) return;
  resets_at_ = std::chrono::steady_clock::now() + kResetsInterval;
  const auto unfinished = postgres::unfinished_resets(stores_.session(), kResetStalled);
  if (!unfinished) return;
  for (const auto& sale_id : *unfinished) {
    if (thread_.is_stopping()) return;
    if (!stores_.hold_lease(sale_id, "reset", kLease)) continue;
    const auto result = postgres::finish_reset(stores_.session(), sale_id, kResetStalled, "flashsaled");
    if (!result) continue;
    if (result->outcome != postgres::ResetResult::Outcome::reset) {
      telemetry::log_info("a reset is left to somebody else", {{"sale", sale_id}});
      continue;
    }
    telemetry::log_info("an unfinished reset is finished", {{"sale", sale_id}});
    (void)rebuild(stores_, result->sale, result->sale.epoch);  // else the pulse has it rebuilt
  }
}

bool Retention::is_due(const SaleSnapshot& sale) {
  const auto sale_no = sale.sale->sale_no;
  if (sale.sale->state != SaleState::closed) {
    closed_since_.erase(sale_no);
    return false;
  }
  const auto now = std::chrono::steady_clock::now();
  const auto since = closed_since_.try_emplace(sale_no, now).first->second;
  return sale.serving && sale.log_entries == 0 && now >= since + options_.keep;
}

/// Redis first: behind a closed fence nothing is accepted, so the log that is found empty stays so. Should this end
/// early, the next pulse finds the fence closed and has the sale rebuilt.
void Retention::let_go(const Sale& sale) {
  if (!stores_.hold_lease(sale.id, "retention", kLease)) return;
  // Whatever comes of this try, the next one is a while away: a fence that was closed means a rebuild.
  closed_since_[sale.sale_no] = std::chrono::steady_clock::now() - options_.keep + std::min(kPause, options_.keep);
  const auto unsettled = postgres::is_unsettled(stores_.session(), sale);
  if (!unsettled || *unsettled) return;
  auto& client = stores_.redis();
  const auto closed = client.ask(redis::close_fence(sale.id, sale.epoch + 1));
  if (!closed || closed->superseded || closed->published_epoch != sale.epoch) return;
  FLASHSALE_FAULT_POINT("retention.fence_closed");
  const auto pending = client.ask(redis::pending(sale.id, sale.epoch, {}, 1));
  if (!pending || pending->size > 0) return;
  const auto gone = postgres::let_sale_go(stores_.session(), sale);
  if (!gone || !*gone) return;
  FLASHSALE_FAULT_POINT("retention.let_go");
  if (forget(sale, sale.epoch)) telemetry::log_info("a closed sale is let go", {{"sale", sale.id}});
}

bool Retention::forget(const Sale& sale, std::int64_t epoch) {
  if (!stores_.redis().ask(redis::forget_sale(sale.id, epoch))) return false;
  forgotten_.insert(sale.sale_no);
  return true;
}

}  // namespace flashsale::catalog
