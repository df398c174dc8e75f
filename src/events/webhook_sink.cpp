#include "flashsale/events/webhook_sink.hpp"

#include <algorithm>
#include <utility>

#include "flashsale/events/webhook_message.hpp"
#include "flashsale/model/event_pattern.hpp"
#include "flashsale/telemetry/log.hpp"
#include "retry_schedule.hpp"

namespace flashsale::events {
namespace {

using std::chrono::milliseconds;

/// Of one endpoint. Beyond that it stands still.
constexpr std::size_t kParkedMax = 1000;
/// Failures one after the other after which it is the endpoint that fails, and not the event.
constexpr std::int32_t kDownFailures = 5;
/// Of an endpoint that is down something is tried at least so often, whatever the schedule says.
constexpr std::chrono::minutes kProbeInterval{5};
/// Retries of one tend(): then new events have their turn.
constexpr int kRetriesAtOnce = 100;
constexpr milliseconds kNoteInterval{250};

}  // namespace

WebhookSink::WebhookSink(const WebhookOptions& options, postgres::WebhookTarget target, EventLog& log,
                         telemetry::Metrics& metrics)
    : options_(options),
      target_(std::move(target)),
      name_(postgres::webhook_sink_name(target_.id)),
      log_(log),
      metrics_(metrics),
      client_(options) {}

const std::string& WebhookSink::kind() const {
  static const std::string name = "webhook";
  return name;
}

void WebhookSink::use(postgres::Session& session, const Leadership& leadership) {
  session_ = &session;
  leadership_ = &leadership;
}

/// What waits is in PostgreSQL; how far the endpoint has been told is no more than that of any sink.
Sink::OwnPosition WebhookSink::own_position(Clock::time_point) {
  const auto retries = postgres::list_retries(*session_, target_.id);
  if (!retries) return {std::nullopt, "PostgreSQL: " + retries.error().message()};
  const auto age = postgres::find_failing_age(*session_, target_.id);
  if (!age) return {std::nullopt, "PostgreSQL: " + age.error().message()};
  const auto now = Clock::now();
  parked_.clear();
  failing_since_ = *age ? std::optional(now - **age) : std::nullopt;
  failures_in_row_ = 0;
  for (const auto& retry : *retries) {
    parked_.add({retry.position, retry.partition_key, retry.failures, now + retry.delay});
    // Nothing has got through since: so it is known to be down for the next process, too.
    if (failing_since_) failures_in_row_ += retry.failures;
  }
  return {};
}

Delivered WebhookSink::deliver(std::span<const EventPtr> events, Clock::time_point deadline) {
  Delivered delivered;
  for (const auto& event : events) {
    if (is_over()) break;
    // What is parked comes first when its time has come.
    const auto now = Clock::now();
    if (delivered.events > 0 && (now >= deadline || due(now) != nullptr)) break;
    if (!deliver_one(*event, delivered)) break;
    ++delivered.events;
  }
  if (!store_parked(events, delivered)) delivered.error = "PostgreSQL does not keep what has failed";
  note_deliveries();
  return delivered;
}

/// False: neither sent nor put aside.
bool WebhookSink::deliver_one(const Event& event, Delivered& delivered) {
  if (!is_wanted(target_.types, event.type) || parked_.contains(event.position)) {
    ++delivered.not_sent;
    return true;
  }
  if (is_off_) delivered.error = "it is switched off";
  else if (is_down()) delivered.error = "nothing gets through: " + last_error_;
  else if (parked_.size() >= kParkedMax) delivered.error = "too many events have failed: " + last_error_;
  if (!delivered.error.empty()) return false;
  if (parked_.holds(event.partition_key)) {
    ++delivered.not_sent;
    park(event, 0);
    return true;
  }
  switch (send(event, 1)) {
    case Outcome::taken: return true;
    case Outcome::stopped: return false;
    case Outcome::failed: break;
  }
  ++delivered.not_sent;
  park(event, 1);
  return true;
}

WebhookSink::Outcome WebhookSink::send(const Event& event, std::int32_t attempt) {
  const auto at = std::chrono::time_point_cast<TimePoint::duration>(std::chrono::system_clock::now());
  const auto answer = client_.post(make_message(target_, event, options_.source, at));
  if (answer.is_interrupted) return Outcome::stopped;
  last_attempt_ = Clock::now();
  if (deliveries_.size() == postgres::kDeliveriesKept) deliveries_.erase(deliveries_.begin());
  deliveries_.push_back({.at = at,
                         .event_id = event.id,
                         .type = event.type,
                         .attempt = attempt,
                         .status = answer.status,
                         .error = answer.error,
                         .time_ms = static_cast<std::int32_t>(answer.time.count())});
  if (answer.is_taken()) {
    succeed();
    return Outcome::taken;
  }
  metrics_.events_delivered(name_, "failed").Increment();
  fail(answer.error);
  if (answer.is_gone()) switch_off("gone");
  else if (Clock::now() - *failing_since_ >= options_.disable_after) switch_off("dead");
  return is_off_ ? Outcome::stopped : Outcome::failed;
}

void WebhookSink::succeed() {
  const bool was_down = is_down();
  failures_in_row_ = 0;
  if (was_down) {
    // It was not the events, so none has to wait for its time any more.
    parked_.hasten(Clock::now());
    (void)postgres::hasten_retries(*session_, target_.id);
  }
  if (!failing_since_) return;
  failing_since_.reset();
  (void)postgres::note_failing(*session_, target_.id, false);
}

void WebhookSink::fail(const std::string& error) {
  ++failures_in_row_;
  last_error_ = error;
  if (failing_since_) return;
  failing_since_ = Clock::now();
  (void)postgres::note_failing(*session_, target_.id, true);
  telemetry::log_warn("a webhook has failed", {{"sink", name_}, {"error", error}});
}

/// Should PostgreSQL not be there, the next failure comes to the same.
void WebhookSink::switch_off(const std::string& reason) {
  const auto disabled = postgres::disable_webhook(*session_, target_.id, reason);
  if (!disabled) return;
  is_off_ = true;
  telemetry::log_warn("a webhook is switched off", {{"sink", name_}, {"reason", reason}, {"error", last_error_}});
}

void WebhookSink::park(const Event& event, std::int32_t failures) {
  const auto delay = failures == 0 ? milliseconds(0) : delay_after(failures);
  parked_.add({event.position, event.partition_key, failures, Clock::now() + delay});
  new_parked_.push_back({event.position, event.partition_key, failures, delay});
}

/// Before the relay goes past them. False: those of them and what came behind are to be delivered again.
bool WebhookSink::store_parked(std::span<const EventPtr> events, Delivered& delivered) {
  if (new_parked_.empty()) return true;
  const auto parked = std::exchange(new_parked_, {});
  const auto error = postgres::park_events(*session_, target_.id, parked);
  if (!error) {
    metrics_.events_delivered(name_, "parked").Increment(static_cast<double>(parked.size()));
    return true;
  }
  for (const auto& one : parked) parked_.remove(one.position);
  const auto position = [](const EventPtr& event) { return event->position; };
  const auto first = std::ranges::find(events, parked.front().position, position);
  delivered.events = static_cast<std::size_t>(first - events.begin());
  delivered.not_sent = std::min(delivered.not_sent, delivered.events);
  return false;
}

/// Something is parked then, which is tried again.
bool WebhookSink::is_down() const { return failures_in_row_ >= kDownFailures && parked_.size() > 0; }

/// The parked one to be tried now; null: none is.
const ParkedEvents::Parked* WebhookSink::due(Clock::time_point now) const {
  const auto* next = parked_.next();
  if (next == nullptr) return nullptr;
  const bool is_probe = is_down() && now >= last_attempt_ + kProbeInterval;
  return next->next_at <= now || is_probe ? next : nullptr;
}

bool WebhookSink::tend() {
  note_deliveries();
  const bool was_down = is_down();
  std::vector<std::int64_t> done;
  for (int i = 0; i < kRetriesAtOnce && !is_off_ && !is_over(); ++i) {
    const auto* parked = due(Clock::now());
    if (parked == nullptr || !retry(ParkedEvents::Parked(*parked), done)) break;
  }
  // What stays by mistake is sent once more.
  if (!done.empty()) (void)postgres::end_retries(*session_, target_.id, done);
  return was_down && !is_down();
}

/// False: not now.
bool WebhookSink::retry(const ParkedEvents::Parked& parked, std::vector<std::int64_t>& done) {
  const auto events = log_.read(*session_, parked.position - 1, 1);
  if (!events) return false;
  const bool is_kept = !events->empty() && events->front()->position == parked.position;
  if (!is_kept) {
    telemetry::log_error("a parked event is not kept any more", {{"sink", name_}, {"position", parked.position}});
  }
  const bool is_to_send = is_kept && is_wanted(target_.types, events->front()->type);
  const auto outcome = is_to_send ? send(*events->front(), parked.failures + 1) : Outcome::taken;
  if (outcome == Outcome::stopped) return false;
  if (outcome == Outcome::taken) {
    if (is_to_send) metrics_.events_delivered(name_, "delivered").Increment();
    parked_.remove(parked.position);
    done.push_back(parked.position);
    return true;
  }
  const auto delay = delay_after(parked.failures + 1);
  parked_.postpone(parked.position, Clock::now() + delay);
  (void)postgres::postpone_retry(*session_, target_.id, parked.position, delay);
  return !is_down();
}

void WebhookSink::note_deliveries() {
  const auto now = Clock::now();
  if (deliveries_.empty() || now < note_at_) return;
  note_at_ = now + kNoteInterval;
  // They are to be looked at, and nothing depends on them.
  (void)postgres::note_deliveries(*session_, target_.id, std::exchange(deliveries_, {}));
}

milliseconds WebhookSink::delay_after(std::int32_t failures) {
  return retry_delay(failures, std::uniform_real_distribution<>(0, 1)(random_));
}

void WebhookSink::release() {
  note_at_ = {};
  note_deliveries();
  parked_.clear();
}

void WebhookSink::interrupt() {
  is_interrupted_ = true;
  client_.interrupt();
}

}  // namespace flashsale::events
