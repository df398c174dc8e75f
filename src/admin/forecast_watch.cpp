#include "flashsale/admin/forecast_watch.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "flashsale/forecast/running_sale.hpp"
#include "flashsale/postgres/arrival_repository.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/telemetry/log.hpp"
#include "pending_arrivals.hpp"
#include "sale_curves.hpp"

namespace flashsale::admin {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPause{200};
/// I/O threads hand over what came with each pulse; it is of the moments before.
constexpr milliseconds kHalfAPulse{50};
/// Until all threads have handed over a second that has ended.
constexpr milliseconds kHandOver{200};
/// Until all instances have written it.
constexpr milliseconds kWritten{700};
/// Whoever is so far behind says nothing.
constexpr std::int64_t kBehindMaxS = 5;
/// What came in the last moments before a sale ended is still written.
constexpr std::int64_t kFollowedOnS = 5;
constexpr std::size_t kReadAtOnce = 3600;
constexpr std::chrono::seconds kWritingMax{2};
/// What cannot be read of earlier sales is asked for again after a pause; at last the forecast goes without.
constexpr std::chrono::seconds kAskAgain{2};
constexpr int kPriorTries = 3;
/// So many sales that cannot be reached end a pass: PostgreSQL may be away.
constexpr int kUnreachableSales = 3;

std::int64_t second_of(TimePoint at) { return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count(); }
TimePoint begin_of(std::int64_t second) { return TimePoint{std::chrono::seconds(second)}; }

/// Redis's clock, of which every instance has the same reading; empty before Redis was reached.
std::optional<TimePoint> redis_now(const catalog::Snapshot& snapshot) {
  if (snapshot.clock.reading == TimePoint{}) return std::nullopt;
  return snapshot.clock.earliest(Clock::now());
}

bool is_open(const Sale& sale, TimePoint now) {
  return effective_state(sale.state, sale.starts_at, sale.ends_at, now) == SaleState::open && !sale.let_go;
}

bool is_unavailable(const Error& error) { return error == postgres::make_error_code(postgres::Failure::unavailable); }

}  // namespace

class ForecastWatch::Followed {
 public:
  /// The sale as it is now, and what it has left at the end of the second before.
  void see(const catalog::SaleSnapshot& snapshot, std::int64_t second) {
    sale = snapshot.sale;
    open_at = second;
    if (!running || !snapshot.serving || !snapshot.known_levels) return;
    std::vector<std::int64_t> remaining;
    for (const auto& level : snapshot.levels) remaining.push_back(level.remaining);
    running->note_levels(second - 1, std::move(remaining));
  }

  std::optional<forecast::RunningSale> running;  ///< empty: what earlier sales tell is not known yet
  int failures = 0;                              ///< to read that
  Clock::time_point ask_at{};
  std::shared_ptr<const Sale> sale;
  std::int64_t open_at = 0;                 ///< the second in which it was last seen open
  std::int64_t read_until = 0;              ///< the last second of which all is known that was written
  std::optional<std::int64_t> reset_epoch;  ///< of the run that was read
};

ForecastWatch::ForecastWatch(Options options)
    : enabled_(options.enabled),
      unwritten_(std::make_unique<PendingArrivals>()),
      session_(postgres::with_brief_waits(std::move(options.postgres)), "forecast"),
      latest_(std::make_shared<const Forecasts>()),
      thread_(kPause, [this] { pass(); }) {}

ForecastWatch::~ForecastWatch() { stop(); }

void ForecastWatch::start() {
  if (enabled_) thread_.start();
}

void ForecastWatch::stop() {
  if (thread_.is_stopping()) return;
  thread_.stop();
  write(std::numeric_limits<std::int64_t>::max());
}

void ForecastWatch::add(const std::vector<checkout::SaleArrivals>& arrivals, const catalog::Snapshot& snapshot) {
  if (!enabled_ || arrivals.empty()) return;
  const auto now = redis_now(snapshot);
  if (!now) return;
  for (const auto& one : arrivals) {
    const auto sale = snapshot.find(one.sale_no);
    const auto came_at = *now - kHalfAPulse;
    if (sale && is_open(*sale->sale, came_at)) unwritten_->add(one.sale_no, second_of(came_at), one.checkouts);
  }
}

std::shared_ptr<const Forecasts> ForecastWatch::latest() const {
  const std::lock_guard lock(mutex_);
  // PostgreSQL may hold up the thread.
  const bool is_old = Clock::now() - made_at_ > std::chrono::seconds(kBehindMaxS);
  return is_old ? std::make_shared<const Forecasts>() : latest_;
}

Result<std::optional<SaleHindsight>> ForecastWatch::look_back_at(postgres::Session& session, const Sale& sale) const {
  const auto snapshot = snapshot_.get();
  const auto now = snapshot ? redis_now(*snapshot) : std::nullopt;
  if (!now) return std::optional<SaleHindsight>();
  return look_back(session, *snapshot, sale, *now);
}

void ForecastWatch::pass() {
  const auto snapshot = snapshot_.get();
  const auto now = snapshot ? redis_now(*snapshot) : std::nullopt;
  if (!now) return;
  follow(*snapshot, *now);
  // Whatever can or cannot be read.
  write(second_of(*now - kHandOver));
  find_priors(*snapshot, *now);
  const auto complete = second_of(*now - kWritten) - 1;
  // Another Redis may have another clock, by which all begins anew.
  if (complete + kBehindMaxS < read_until_) followed_.clear();
  else if (complete <= read_until_) return;
  read_until_ = complete;
  read(complete);
  publish(complete);
}

void ForecastWatch::follow(const catalog::Snapshot& snapshot, TimePoint now) {
  const auto second = second_of(now);
  std::size_t open = 0;
  for (auto one = snapshot.sales.rbegin(); one != snapshot.sales.rend() && open < kForecastSalesMax; ++one) {
    const auto& sale = *(*one)->sale;
    if (!is_open(sale, now)) continue;
    ++open;
    auto& followed = followed_[sale.sale_no];
    if (!followed) followed = std::make_unique<Followed>();
    followed->see(**one, second);
  }
  std::erase_if(followed_, [second](const auto& one) { return one.second->open_at + kFollowedOnS < second; });
}

/// A sale for which that fails holds up the others once, and is asked about again in a later pass.
void ForecastWatch::find_priors(const catalog::Snapshot& snapshot, TimePoint now) {
  for (const auto& [sale_no, followed] : followed_) {
    if (followed->running || Clock::now() < followed->ask_at) continue;
    auto prior = find_prior(session_, snapshot, *followed->sale, now);
    if (!prior) {
      followed->ask_at = Clock::now() + kAskAgain;
      // PostgreSQL may be away: that says nothing of what it has.
      if (is_unavailable(prior.error()) || ++followed->failures < kPriorTries) return;
      telemetry::log_warn("a forecast is made without what earlier sales tell", {{"sale", followed->sale->id}});
      prior = forecast::Prior{};
    }
    followed->running.emplace(std::move(*prior));
  }
}

/// All that has come, whether a forecast is made of it or not. It begins behind the sale that failed last, so that one
/// that cannot be written holds up no other.
void ForecastWatch::write(std::int64_t before) {
  const auto until = Clock::now() + kWritingMax;
  auto unwritten = unwritten_->take(before);
  int unreachable = 0;
  auto next = unwritten.upper_bound(last_failed_);
  for (std::size_t i = 0; i < unwritten.size(); ++i, ++next) {
    if (next == unwritten.end()) next = unwritten.begin();
    const auto& [sale_no, counts] = *next;
    if (Clock::now() >= until || unreachable >= kUnreachableSales) {
      unwritten_->put_back(sale_no, counts);
      continue;
    }
    const auto error = postgres::add_arrivals(session_, sale_no, counts, forecast::RunningSale::kSecondsMax);
    if (!error) continue;
    last_failed_ = sale_no;
    if (is_unavailable(error)) ++unreachable;
    // A COMMIT whose outcome is unknown is not repeated.
    if (error != postgres::make_error_code(postgres::Failure::outcome_unknown)) {
      unwritten_->put_back(sale_no, counts);
    }
  }
}

void ForecastWatch::read(std::int64_t complete) {
  std::vector<std::int32_t> sales;
  for (const auto& [sale_no, followed] : followed_) {
    if (followed->running) sales.push_back(sale_no);
  }
  for (const auto sale_no : sales) {
    if (!read_one(sale_no, complete)) return;
  }
}

/// False: PostgreSQL does not answer.
bool ForecastWatch::read_one(std::int32_t sale_no, std::int64_t complete) {
  auto& followed = *followed_.at(sale_no);
  auto& running = *followed.running;
  const auto page = postgres::read_arrivals(session_, sale_no, running.next(), kReadAtOnce);
  if (!page) return !is_unavailable(page.error());
  if (!page->counts.empty()) {
    if (followed.reset_epoch.value_or(page->reset_epoch) != page->reset_epoch) {
      followed_.erase(sale_no);  // another run, whose forecast begins anew
      return true;
    }
    followed.reset_epoch = page->reset_epoch;
  }
  std::vector<forecast::SecondCount> counts;
  for (const auto& one : page->counts) counts.push_back({one.second, static_cast<double>(one.checkouts)});
  const bool is_whole = counts.size() < kReadAtOnce;
  followed.read_until = is_whole ? complete : std::min(complete, counts.back().second);
  running.add(counts, followed.read_until);
  return true;
}

void ForecastWatch::publish(std::int64_t complete) {
  auto forecasts = std::make_shared<Forecasts>();
  for (const auto& [sale_no, followed] : followed_) {
    if (!followed->running) continue;
    const auto& running = *followed->running;
    const bool is_current = followed->read_until + kBehindMaxS > complete && running.is_kept(complete);
    if (is_current && is_open(*followed->sale, begin_of(complete + 1))) {
      const auto next = running.begun() ? running.next() : followed->read_until + 1;
      forecasts->push_back({followed->sale, begin_of(next), running.look()});
    }
  }
  const std::lock_guard lock(mutex_);
  latest_ = std::move(forecasts);
  made_at_ = Clock::now();
}

}  // namespace flashsale::admin
