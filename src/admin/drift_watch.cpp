#include "flashsale/admin/drift_watch.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "flashsale/telemetry/log.hpp"

namespace flashsale::admin {
namespace {

constexpr std::chrono::milliseconds kRound{250};
/// A look counts all orders of a sale, so it grows with it: looks take at most one part in so many of the time.
constexpr int kRestFactor = 20;
constexpr std::chrono::seconds kCorrectionTime{5};
/// What looks wrong is looked at again soon.
constexpr std::chrono::milliseconds kSuspicion{500};

bool is_selling(const catalog::SaleSnapshot& sale) {
  if (!sale.serving || !sale.known_levels) return false;
  const auto now = sale.clock.reading;
  return effective_state(sale.sale->state, sale.sale->starts_at, sale.sale->ends_at, now) == SaleState::open &&
         now >= sale.resting_until;
}

/// What moves when anything in a sale moves. A sale that stands still is not looked at again.
std::vector<std::int64_t> levels_of(const catalog::SaleSnapshot& sale) {
  std::vector<std::int64_t> levels{sale.sale->epoch, sale.order_records, sale.log_entries};
  for (const auto& level : sale.levels) {
    levels.insert(levels.end(), {level.remaining, level.version, level.stock_version});
  }
  return levels;
}

}  // namespace

DriftWatch::DriftWatch(Options options, catalog::Upkeep& upkeep, telemetry::Metrics& metrics)
    : options_(std::move(options)),
      upkeep_(upkeep),
      metrics_(metrics),
      stores_(options_.postgres, options_.redis, "drift-watch", metrics),
      thread_(kRound, [this] { look_at_all(); }) {}

void DriftWatch::look_at_all() {
  const auto snapshot = snapshot_.get();
  if (!snapshot || !snapshot->redis_reached) return;
  for (const auto& sale : snapshot->sales) {
    if (thread_.is_stopping()) return;
    auto& watched = watched_[sale->sale->sale_no];
    if (!is_selling(*sale)) {
      watched.drift.clear();
    } else if (std::chrono::steady_clock::now() >= watched.next_at) {
      look(*sale, watched);
    }
  }
}

void DriftWatch::look(const catalog::SaleSnapshot& snapshot, Watched& watched) {
  const auto& sale = snapshot.sale;
  const auto started = std::chrono::steady_clock::now();
  watched.next_at = started + options_.interval;
  auto levels = levels_of(snapshot);
  if (levels == watched.clean_levels) return;
  if (!stores_.hold_lease(sale->id, "audit", options_.interval * 3)) return watched.drift.clear();
  const auto report = look_at_sale(stores_, *sale);
  const auto ended = std::chrono::steady_clock::now();
  watched.next_at = std::max(watched.next_at, ended + (ended - started) * kRestFactor);
  // Two looks in a row must be the same instance's.
  const auto until_next = std::chrono::duration_cast<std::chrono::milliseconds>(watched.next_at - ended);
  (void)stores_.hold_lease(sale->id, "audit", until_next + options_.interval);
  if (!report) return watched.drift.clear();
  watched.clean_levels.clear();
  if (report->consistent) watched.clean_levels = std::move(levels);
  judge(sale, watched, *report);
}

void DriftWatch::judge(const std::shared_ptr<const Sale>& sale, Watched& watched, const AuditReport& report) {
  std::map<std::string, std::int64_t> drift;
  bool is_certain = false;
  for (const auto& item : report.items) {
    if (!item.judged || item.drift == 0) continue;
    drift[item.sku] = item.drift;
    const auto before = watched.drift.find(item.sku);
    if (watched.epoch != sale->epoch || before == watched.drift.end() || before->second != item.drift) continue;
    is_certain = true;
    metrics_.drift_units(item.drift > 0 ? "too_many" : "too_few").Increment(static_cast<double>(std::abs(item.drift)));
    telemetry::log_error("redis and postgres have drifted apart, the sale is rebuilt",
                         {{"sale", sale->id}, {"sku", item.sku}, {"units", item.drift}});
  }
  watched.epoch = sale->epoch;
  watched.drift = std::move(drift);
  if (!watched.drift.empty()) watched.next_at = std::chrono::steady_clock::now() + kSuspicion;
  if (!is_certain) return;
  watched.drift.clear();
  // The rebuild is given time, so that the same drift is not counted twice.
  watched.next_at = std::max(watched.next_at, std::chrono::steady_clock::now() + kCorrectionTime);
  upkeep_.request_correction(sale, sale->epoch);
}

}  // namespace flashsale::admin
