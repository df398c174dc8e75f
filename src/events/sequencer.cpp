#include "flashsale/events/sequencer.hpp"

#include <unistd.h>

#include <utility>

#include "flashsale/telemetry/log.hpp"
#include "flashsale/workers/holder_name.hpp"

namespace flashsale::events {
namespace {

using std::chrono::milliseconds;

/// Between two looks: an event waits for half of it on average.
constexpr milliseconds kPause{15};
constexpr milliseconds kIdlePause{20};
/// After the last event.
constexpr milliseconds kBusy{1000};
constexpr milliseconds kPauseOfOthers{250};
constexpr milliseconds kPauseAfterFailure{500};
/// Rows of one transaction: after a time without a leader there may be millions.
constexpr std::int32_t kRowsAtOnce = 5000;

}  // namespace

Sequencer::Sequencer(Options options, EventLog& log, Leadership& leadership, telemetry::Metrics& metrics)
    : options_(std::move(options)),
      log_(log),
      leadership_(leadership),
      metrics_(metrics),
      numbering_(options_.postgres, "events"),
      name_(workers::unique_holder(std::to_string(::getpid()))),
      thread_(kPause, [this] { look(); }) {}

void Sequencer::stop() {
  thread_.stop();
  leadership_.lose();
  numbering_.resign();
}

void Sequencer::look() {
  const auto now = Clock::now();
  if (now < next_look_) return;
  if (numbering_.leads() || claims(now)) look_as_leader(now);
  else follow(now);
}

/// Whether it leads from now on.
bool Sequencer::claims(Clock::time_point now) {
  if (now < claim_at_) return false;
  claim_at_ = now + kPauseOfOthers;
  const auto leads = numbering_.lead(name_);
  if (!leads || !*leads) return false;
  telemetry::log_info("this process numbers and delivers events", {});
  follow(now);  // what was numbered before
  busy_until_ = now + kBusy;
  return true;
}

void Sequencer::look_as_leader(Clock::time_point now) {
  const bool is_busy = now < busy_until_;
  next_look_ = is_busy ? now : now + kIdlePause;
  // While events come there is nearly always one, and nobody asks first.
  if (!is_busy) {
    const auto waiting = postgres::count_unnumbered(numbering_.session(), 1);
    // Or it was frozen, and the session that led has gone.
    if (!waiting || !numbering_.leads()) {
      next_look_ = now + kPauseAfterFailure;
      return leadership_.lose();
    }
    if (*waiting == 0) return leadership_.set_until(now + postgres::kLeadWithoutCall);
  }
  number(now);
}

/// Where the line ends, while somebody else leads.
void Sequencer::follow(Clock::time_point now) {
  if (!numbering_.leads()) leadership_.lose();
  next_look_ = now + (log_.has_readers() ? kIdlePause : kPauseOfOthers);
  const auto line = postgres::find_event_line(numbering_.session());
  if (line) announce(line->last_position);
  else next_look_ = now + kPauseAfterFailure;
}

void Sequencer::number(Clock::time_point now) {
  const auto numbered = numbering_.number(kRowsAtOnce, options_.rehearsals);
  if (!numbered) {
    // Then it asks first, and finds out whether it still leads.
    next_look_ = now + kPauseAfterFailure;
    busy_until_ = {};
    return;
  }
  // PostgreSQL counts from later.
  if (numbering_.leads()) leadership_.set_until(numbered->asked_at + postgres::kLeadWithoutCall);
  if (numbered->events > 0 || !numbered->is_all) busy_until_ = now + kBusy;
  announce(numbered->line.last_position);
}

void Sequencer::announce(std::int64_t last_position) {
  metrics_.events_position().Set(static_cast<double>(last_position));
  log_.announce(last_position);
}

}  // namespace flashsale::events
