#include "flashsale/events/event_keeper.hpp"

#include <algorithm>
#include <utility>

#include "flashsale/postgres/event_repository.hpp"
#include "flashsale/postgres/event_sinks.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::events {
namespace {

constexpr std::chrono::milliseconds kPause{500};
constexpr std::chrono::seconds kSinksInterval{2};
constexpr std::chrono::seconds kRetireInterval{10};
/// While more is to go than one statement removes.
constexpr std::chrono::milliseconds kRetireGoesOn{200};
constexpr std::int32_t kRetiredRows = 2000;
/// More rows than this are as many, for whoever watches.
constexpr std::int32_t kUnnumberedShown = 100'000;
/// What cannot be read now: an old number would be believed, beside those of instances that can.

}  // namespace

EventKeeper::EventKeeper(Options options, Leadership& leadership, telemetry::Metrics& metrics)
    : options_(std::move(options)),
      leadership_(leadership),
      metrics_(metrics),
      session_(postgres::with_brief_waits(options_.postgres), "event-keeper"),
      thread_(kPause, [this] { pass(); }) {}

void EventKeeper::pass() {
  if (!options_.enabled) return retire_all();
  const bool leads = leadership_.holds();
  if (leads) tell_of_sales();
  const auto now = std::chrono::steady_clock::now();
  if (now >= sinks_at_) {
    sinks_at_ = now + kSinksInterval;
    // Nothing waits for a broker that is not set up any more.
    if (leads) (void)postgres::retire_event_sinks(session_, {"rabbitmq", "kafka"}, options_.sinks);
    observe();
  }
  if (leads && now >= retire_at_) retire();
}

void EventKeeper::tell_of_sales() {
  if (const auto told = postgres::tell_of_sales(session_); !told) {
    telemetry::log_warn("a sale's events come later", {{"error", told.error().message()}});
  }
}

/// By every instance: when nobody leads, somebody has to say so, and one that led before has no old numbers left.
void EventKeeper::observe() {
  const auto waiting = postgres::count_unnumbered(session_, kUnnumberedShown);
  metrics_.events_unnumbered().Set(waiting ? static_cast<double>(*waiting) : telemetry::kUnknownReading);
  const auto lags = postgres::list_sink_lags(session_);
  if (!lags) {
    for (const auto& name : observed_) {
      metrics_.events_sink_lag(name).Set(telemetry::kUnknownReading);
      metrics_.events_sink_oldest_age_seconds(name).Set(telemetry::kUnknownReading);
    }
    return;
  }
  for (const auto& name : std::exchange(observed_, {})) {
    if (std::ranges::find(*lags, name, &postgres::SinkLag::name) != lags->end()) continue;
    metrics_.forget_events_lag(name);
  }
  for (const auto& lag : *lags) {
    observed_.push_back(lag.name);
    metrics_.events_sink_lag(lag.name).Set(static_cast<double>(lag.events));
    metrics_.events_sink_oldest_age_seconds(lag.name).Set(lag.oldest_age_s);
  }
}

void EventKeeper::retire_all() {
  const auto now = std::chrono::steady_clock::now();
  if (now < retire_at_) return;
  const auto is_more = postgres::retire_all_events(session_, options_.retention, kRetiredRows);
  retire_at_ = now + (is_more && *is_more ? kRetireGoesOn : std::chrono::milliseconds(kRetireInterval));
}

void EventKeeper::retire() {
  retire_at_ = std::chrono::steady_clock::now() + kRetireInterval;
  const auto told = postgres::told_to_all(session_);
  if (!told) return;
  const auto gone = postgres::retire_events(session_, *told, options_.retention, kRetiredRows);
  if (!gone) telemetry::log_warn("old events stay for now", {{"error", gone.error().message()}});
  else if (*gone > 0) retire_at_ = std::chrono::steady_clock::now() + kRetireGoesOn;
}

}  // namespace flashsale::events
