#include "flashsale/events/relay.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "flashsale/postgres/event_repository.hpp"
#include "flashsale/postgres/event_sinks.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "flashsale/telemetry/log.hpp"
#include "read_ahead.hpp"

namespace flashsale::events {
namespace {

using std::chrono::milliseconds;

/// Of one batch. A sink that takes longer is taken for one that does not answer.
constexpr std::chrono::seconds kDeliveryTime{30};
constexpr milliseconds kBackOffFirst{100};
constexpr milliseconds kBackOffMost{10'000};
/// How often the position is written down: what was delivered since comes again after a crash.
constexpr milliseconds kSaveInterval{100};
/// Or as soon as so many are: they and a batch that is under way are all that comes again.
constexpr std::int64_t kUnsavedMax = 1000;
constexpr milliseconds kSaveAgain{1000};
constexpr milliseconds kLook{250};
/// How often an idle sink is looked at.
constexpr milliseconds kLookAtSink{2000};
/// Of a thread; buyers' have 0.
constexpr int kNice = 10;

}  // namespace

Relay::Relay(std::unique_ptr<Sink> sink, const postgres::Options& postgres, EventLog& log, Leadership& leadership,
             telemetry::Metrics& metrics)
    : sink_(std::move(sink)),
      session_(postgres, "relay-" + sink_->name()),
      log_(log),
      leadership_(leadership),
      metrics_(metrics) {
  sink_->use(session_, leadership_);
  if (sink_->reads_ahead())
    read_ahead_ = std::make_unique<ReadAhead>(postgres, "relay-" + sink_->name() + "-ahead", log);
}

Relay::~Relay() { stop(); }

/// What happens from the start on waits for the sink, whoever leads and whenever that begins.
void Relay::start() {
  if (const auto known = postgres::register_event_sink(session_, sink_->name(), sink_->kind()); !known) {
    telemetry::log_warn("a sink is told only of what comes later",
                        {{"sink", sink_->name()}, {"error", known.error().message()}});
  }
  thread_ = std::thread([this] { run(); });
}

void Relay::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  sink_->interrupt();
  thread_.join();
}

void Relay::run() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  while (!stopping_) step();
  release();
}

void Relay::step() {
  if (!leadership_.holds()) {
    release();
    return pause(kLook);
  }
  if (!is_delivering_ && (is_to_wait() || !begin())) return;
  if (has_line_gone_back()) return;
  const auto unsaved = position_ - saved_position_;
  // (After a failure save_at_ is far ahead, and that is waited for.)
  const auto due_at = unsaved < kUnsavedMax ? save_at_ : save_at_ - kSaveInterval;
  if (unsaved != 0 && Clock::now() >= due_at && !save()) return;
  // What was told and cannot be written down would be told again after a crash: no more of that.
  if (position_ - saved_position_ >= kUnsavedMax) return pause(kLook);
  if (sink_->tend()) try_at_ = {};
  if (is_to_wait()) return;
  if (position_ == saved_position_ && was_moved()) return end_delivery();
  const auto patience = Clock::now() + (position_ == saved_position_ ? kLook : kSaveInterval);
  if (log_.wait_beyond(position_, patience)) tell();
}

/// True: a moment has gone by, and it may still be too early for another try.
bool Relay::is_to_wait() {
  const auto left = std::chrono::duration_cast<milliseconds>(try_at_ - Clock::now());
  if (left <= milliseconds(0)) return false;
  pause(std::min(left, kLook));
  return true;
}

/// From where it stands. False: that is not known yet.
bool Relay::begin() {
  falls_ = log_.falls();
  const auto stored = postgres::register_event_sink(session_, sink_->name(), sink_->kind());
  if (!stored) {
    fail("PostgreSQL: " + stored.error().message());
    return false;
  }
  const auto own = sink_->own_position(Clock::now() + kDeliveryTime);
  if (!own.error.empty()) {
    // Broken off, it is no fault of the sink's.
    if (!stopping_ && leadership_.holds()) fail(own.error);
    return false;
  }
  const auto is_of_line = stands_in_line(own);
  if (!is_of_line) {
    fail("PostgreSQL: " + is_of_line.error().message());
    return false;
  }
  saved_position_ = stored->position;
  // What the sink itself counts can be of events that a restored PostgreSQL has lost. Told twice is better than never.
  if (!*is_of_line) note_gone_back(*own.position);
  const bool counts_own = own.position && *is_of_line && !stored->is_moved;
  position_ = counts_own ? *own.position : stored->position;
  if (const auto last = log_.last_position(); last > 0) position_ = std::min(position_, last);
  last_error_ = stored->last_error;
  is_delivering_ = true;
  back_off_ = milliseconds(0);
  telemetry::log_info("events are delivered", {{"sink", sink_->name()}, {"after", position_}});
  return true;
}

/// Whether what the sink has last been told of stands where it stood, as far as it is kept.
Result<bool> Relay::stands_in_line(const Sink::OwnPosition& own) {
  const auto last = log_.last_position();
  if (!own.position || last == 0) return true;
  if (*own.position > last) return false;
  if (own.event_id.empty()) return true;
  const auto line = postgres::find_event_line(session_);
  if (!line) return Result<bool>(boost::system::in_place_error, line.error());
  if (*own.position <= line->gone_until) return true;
  const auto events = log_.read(session_, *own.position - 1, 1);
  if (!events) return Result<bool>(boost::system::in_place_error, events.error());
  return !events->empty() && events->front()->id == own.event_id && events->front()->time == own.event_time;
}

/// PostgreSQL was put back to an older state: its positions are given anew, and what it knows of the sink is as old.
bool Relay::has_line_gone_back() {
  const auto last = log_.last_position();
  // It may have come as far again since.
  if (last == 0 || (position_ <= last && log_.falls() == falls_)) return false;
  note_gone_back(position_);
  end_delivery();
  pause(kLook);
  return true;
}

void Relay::note_gone_back(std::int64_t position) {
  metrics_.events_delivered(sink_->name(), "gone_back").Increment();
  telemetry::log_warn("a sink was told of events that PostgreSQL has lost, it goes on as PostgreSQL knows it",
                      {{"sink", sink_->name()}, {"position", position}, {"last", log_.last_position()}});
}

/// Whether somebody has set the sink back or forth while it was told of nothing.
bool Relay::was_moved() {
  if (Clock::now() < look_at_) return false;
  look_at_ = Clock::now() + kLookAtSink;
  const auto stands = postgres::find_sink_position(session_, sink_->name());
  return stands && *stands != saved_position_;
}

Result<std::vector<EventPtr>> Relay::next_events() {
  const auto most = sink_->batch_max();
  if (!read_ahead_) return log_.read(session_, position_, most);
  Result<std::vector<EventPtr>> events = std::vector<EventPtr>();
  if (auto read = read_ahead_->take(position_)) events = std::move(*read);
  else events = log_.read(session_, position_, most);
  // A full batch has more behind it.
  if (events && events->size() == most && takes_all_) read_ahead_->begin(events->back()->position, most);
  return events;
}

void Relay::tell() {
  const auto events = next_events();
  if (!events) return fail("PostgreSQL: " + events.error().message());
  if (events->empty()) return fail("event " + std::to_string(position_ + 1) + " is missing");
  const auto started = Clock::now();
  const auto delivered = sink_->deliver(*events, started + kDeliveryTime);
  FLASHSALE_FAULT_POINT("events.after_delivery");
  takes_all_ = delivered.events == events->size();
  if (delivered.events > 0) took(delivered, (*events)[delivered.events - 1]->position, Clock::now() - started);
  if (!delivered.error.empty() && !stopping_ && leadership_.holds()) fail(delivered.error);
}

void Relay::took(const Delivered& delivered, std::int64_t position, Clock::duration time) {
  if (position_ == saved_position_) save_at_ = Clock::now() + kSaveInterval;
  position_ = position;
  back_off_ = milliseconds(0);
  const auto sent = delivered.events - delivered.not_sent;
  metrics_.events_delivered(sink_->name(), "delivered").Increment(static_cast<double>(sent));
  metrics_.events_delivery_seconds(sink_->name()).Observe(std::chrono::duration<double>(time).count());
  if (last_error_.empty()) return;
  last_error_.clear();
  (void)postgres::note_sink_error(session_, sink_->name(), "");
  telemetry::log_info("a sink works again", {{"sink", sink_->name()}});
}

/// False: somebody has moved the sink, or delivers, too; it begins again where the sink stands.
bool Relay::save() {
  const auto saved = postgres::advance_event_sink(session_, sink_->name(), saved_position_, position_);
  if (!saved) {
    save_at_ = Clock::now() + kSaveAgain;
    return true;
  }
  if (!*saved) {
    end_delivery();
    return false;
  }
  saved_position_ = position_;
  return true;
}

void Relay::release() {
  if (!is_delivering_) return;
  if (position_ != saved_position_) (void)save();
  sink_->release();
  end_delivery();
}

/// Nothing is kept of what was to come.
void Relay::end_delivery() {
  is_delivering_ = false;
  if (read_ahead_) read_ahead_->drop();
}

void Relay::fail(const std::string& error) {
  metrics_.events_delivered(sink_->name(), "failed").Increment();
  if (error != last_error_) {
    last_error_ = error;
    telemetry::log_warn("events wait for a sink", {{"sink", sink_->name()}, {"error", error}});
    (void)postgres::note_sink_error(session_, sink_->name(), error);
  }
  back_off_ = std::clamp(back_off_ * 2, kBackOffFirst, kBackOffMost);
  try_at_ = Clock::now() + back_off_;
}

void Relay::pause(milliseconds time) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, time, [this] { return stopping_.load(); });
}

}  // namespace flashsale::events
