#include "flashsale/events/sequencer.hpp"

#include <unistd.h>

#include <random>
#include <utility>

#include "flashsale/telemetry/log.hpp"

namespace flashsale::events {
namespace {

using std::chrono::milliseconds;

/// Between two looks: an event waits for half of it on average.
constexpr milliseconds kPause{15};
constexpr milliseconds kIdlePause{20};
/// After the last event.
constexpr milliseconds kBusy{1000};
/// A leader that has died is followed after this.
constexpr milliseconds kLease{3000};
constexpr milliseconds kRenewal{1000};
constexpr milliseconds kPauseOfOthers{250};
constexpr milliseconds kPauseAfterFailure{500};
/// Rows of one transaction: after a time without a leader there may be millions.
constexpr std::int32_t kRowsAtOnce = 5000;

/// Nobody else's, even after a restart with the same process id.
std::string unique_name() {
  std::random_device random;
  return std::to_string(::getpid()) + '-' + std::to_string(random()) + std::to_string(random());
}

}  // namespace

Sequencer::Sequencer(Options options, EventLog& log, Leadership& leadership, telemetry::Metrics& metrics)
    : options_(std::move(options)),
      log_(log),
      leadership_(leadership),
      metrics_(metrics),
      numbering_(options_.postgres, "events"),
      name_(unique_name()),
      thread_(kPause, [this] { look(); }) {}

void Sequencer::stop() {
  thread_.stop();
  if (!leadership_.holds()) return;
  leadership_.lose();
  if (const Error error = numbering_.resign(name_)) {
    telemetry::log_warn("the next process numbers events only after a moment", {{"error", error.message()}});
  }
}

void Sequencer::look() {
  const auto now = Clock::now();
  if (now < next_look_) return;
  if (leadership_.holds()) look_as_leader(now);
  else follow(now);
}

void Sequencer::look_as_leader(Clock::time_point now) {
  if (now < busy_until_ || now >= renew_at_) return number(now);
  next_look_ = now + kIdlePause;
  const auto waiting = postgres::count_unnumbered(numbering_.session(), 1);
  if (!waiting) next_look_ = now + kPauseAfterFailure;
  else if (*waiting > 0) number(now);
}

/// Somebody else leads, or nobody does.
void Sequencer::follow(Clock::time_point now) {
  if (now >= claim_at_) {
    claim_at_ = now + kPauseOfOthers;
    number(now);
    if (leadership_.holds()) return;
  }
  next_look_ = now + (log_.has_readers() ? kIdlePause : kPauseOfOthers);
  const auto line = postgres::find_event_line(numbering_.session());
  if (line) log_.announce(line->last_position);
  else next_look_ = now + kPauseAfterFailure;
}

void Sequencer::number(Clock::time_point now) {
  const auto numbered = numbering_.number(name_, kLease, kRowsAtOnce, options_.rehearsals);
  if (!numbered) {
    next_look_ = now + kPauseAfterFailure;
    return;
  }
  if (!numbered->leads) return leadership_.lose();
  if (!leadership_.holds()) telemetry::log_info("this process numbers and delivers events", {});
  // Counted from before the call: PostgreSQL counts from later.
  leadership_.set_until(now + kLease);
  renew_at_ = now + kRenewal;
  if (numbered->events > 0 || !numbered->is_all) busy_until_ = now + kBusy;
  metrics_.events_position().Set(static_cast<double>(numbered->line.last_position));
  log_.announce(numbered->line.last_position);
}

}  // namespace flashsale::events
