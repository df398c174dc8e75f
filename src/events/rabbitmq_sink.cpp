#include "flashsale/events/rabbitmq_sink.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "amqp_connection.hpp"
#include "attributes.hpp"
#include "confirm_window.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::events {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Without any confirmation: RabbitMQ does not answer.
constexpr milliseconds kConfirmTime{15'000};
/// While it has blocked the connection; it is told as an error then, and what was published goes on waiting.
constexpr milliseconds kBlockedTime{1'000};
/// Between two looks at the time.
constexpr milliseconds kSlice{250};
/// Published between two looks at what was confirmed.
constexpr int kBurst = 64;
constexpr milliseconds kDroppedLogInterval{60'000};

class RabbitmqSink final : public Sink {
 public:
  RabbitmqSink(AmqpAddress address, RabbitmqOptions options, telemetry::Metrics& metrics)
      : address_(std::move(address)),
        options_(std::move(options)),
        unroutable_(metrics.events_delivered(name_, "unroutable")),
        window_(options_.drops_unroutable) {}

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::string& kind() const override { return name_; }
  void use(postgres::Session& /*session*/, const Leadership& leadership) override { leadership_ = &leadership; }
  [[nodiscard]] Delivered deliver(std::span<const EventPtr> events, Clock::time_point deadline) override;
  [[nodiscard]] OwnPosition own_position(Clock::time_point /*deadline*/) override { return {}; }
  [[nodiscard]] std::string probe(Clock::time_point deadline) override;
  bool tend() override;
  void release() override;
  void interrupt() override { connection_.interrupt(); }

 private:
  [[nodiscard]] std::string prepare(std::span<const EventPtr> events, Clock::time_point deadline);
  [[nodiscard]] std::string step(std::span<const EventPtr> events);
  [[nodiscard]] std::string publish(std::span<const EventPtr> events);
  [[nodiscard]] std::string publish_one(const EventPtr& event);
  [[nodiscard]] std::string read(Clock::time_point until);
  void take(const AmqpNotice& notice);
  void note_unroutable(const std::string& event_id);
  [[nodiscard]] std::string failure(std::size_t events, Clock::time_point deadline);
  [[nodiscard]] std::string lost(const std::string& error);

  std::string name_ = "rabbitmq";
  const Leadership* leadership_ = nullptr;
  AmqpAddress address_;
  RabbitmqOptions options_;
  prometheus::Counter& unroutable_;
  AmqpConnection connection_;
  ConfirmWindow window_;
  std::size_t taken_ = 0;  ///< of the events of this call
  bool has_room_ = true;   ///< for more to be written, at the last look
  bool is_blocked_ = false;
  std::string blocked_reason_;
  Clock::time_point progress_at_{};  ///< or when this call began
  Clock::time_point dropped_log_at_{};
};

Delivered RabbitmqSink::deliver(std::span<const EventPtr> events, Clock::time_point deadline) {
  taken_ = 0;
  progress_at_ = Clock::now();
  if (!leadership_->holds()) return {};
  if (auto error = prepare(events, deadline); !error.empty()) return {0, std::move(error)};
  while (taken_ < events.size() && leadership_->holds()) {
    if (auto error = step(events); !error.empty()) return {taken_, std::move(error)};
    if (auto error = failure(events.size(), deadline); !error.empty()) return {taken_, std::move(error)};
  }
  return {taken_, {}};
}

/// A connection, on which what still waits to be confirmed is what these events begin with.
std::string RabbitmqSink::prepare(std::span<const EventPtr> events, Clock::time_point deadline) {
  if (connection_.is_open()) (void)read(Clock::now());  // if it was lost meanwhile, there is a new one at once
  if (connection_.is_open() && window_.size() > 0 &&
      (window_.first_position() != events.front()->position || window_.size() > events.size())) {
    connection_.close();
  }
  if (connection_.is_open()) return {};
  window_.clear();
  is_blocked_ = false;
  const auto error = connection_.open(address_, options_.exchange, deadline);
  progress_at_ = Clock::now();
  return error.empty() ? error : "RabbitMQ: " + error;
}

/// Publishes what may be, and reads what is said.
std::string RabbitmqSink::step(std::span<const EventPtr> events) {
  if (auto error = publish(events); !error.empty()) return lost(error);
  if (!has_room_) connection_.wait_for_room(kSlice);
  const bool has_more = has_room_ && !is_blocked_ && window_.failed() == nullptr && !window_.is_full() &&
                        taken_ + window_.size() < events.size();
  const bool waits = has_room_ && !has_more;
  if (auto error = read(Clock::now() + (waits ? kSlice : milliseconds(0))); !error.empty()) return error;
  if (const auto taken = window_.take_confirmed(); taken > 0) {
    taken_ += taken;
    progress_at_ = Clock::now();
  }
  return {};
}

std::string RabbitmqSink::publish(std::span<const EventPtr> events) {
  has_room_ = true;
  for (int i = 0; i < kBurst; ++i) {
    const auto next = taken_ + window_.size();
    if (is_blocked_ || window_.failed() != nullptr || window_.is_full() || next >= events.size()) return {};
    has_room_ = connection_.has_room();
    if (!has_room_) return {};
    if (auto error = publish_one(events[next]); !error.empty()) return error;
  }
  return {};
}

std::string RabbitmqSink::publish_one(const EventPtr& event) {
  const auto attributes = attributes_of(*event, options_.source);
  auto error = connection_.publish(
      {.id = event->id, .routing_key = to_string(event->type), .body = event->data, .attributes = attributes});
  if (error.empty()) window_.add(event);
  return error;
}

std::string RabbitmqSink::read(Clock::time_point until) {
  std::vector<AmqpNotice> notices;
  if (auto error = connection_.read(until, notices); !error.empty()) return lost(error);
  for (const auto& notice : notices) take(notice);
  return {};
}

void RabbitmqSink::take(const AmqpNotice& notice) {
  using Kind = AmqpNotice::Kind;
  switch (notice.kind) {
    case Kind::confirmed: return window_.confirm(notice.number, notice.multiple);
    case Kind::refused: return window_.refuse(notice.number, notice.multiple);
    case Kind::unroutable: return note_unroutable(notice.text);
    case Kind::blocked:
      is_blocked_ = true;
      blocked_reason_ = notice.text;
      return;
    case Kind::unblocked: is_blocked_ = false; return;
  }
}

void RabbitmqSink::note_unroutable(const std::string& event_id) {
  const auto* event = window_.unroutable(event_id);
  unroutable_.Increment();
  if (event == nullptr || !options_.drops_unroutable || Clock::now() < dropped_log_at_) return;
  dropped_log_at_ = Clock::now() + kDroppedLogInterval;
  telemetry::log_warn("no queue takes an event, it is passed over",
                      {{"sink", name_}, {"type", to_string(event->type)}, {"event", event->id}});
}

/// Why this call is over before all are taken; empty: it is not.
std::string RabbitmqSink::failure(std::size_t events, Clock::time_point deadline) {
  if (const auto* event = window_.failed(); event != nullptr && window_.is_settled()) {
    const auto type = std::string(to_string(event->type));
    auto error = window_.is_unroutable_failed()
                     ? "RabbitMQ: no queue is bound to exchange " + options_.exchange + " for " + type
                     : "RabbitMQ refuses " + type + " (basic.nack): a queue is full or has failed";
    window_.forget();
    return error;
  }
  if (taken_ == events) return {};
  const auto now = Clock::now();
  if (connection_.is_interrupted()) return lost("interrupted");
  if (is_blocked_ && now >= std::min(progress_at_ + kBlockedTime, deadline)) {
    return "RabbitMQ has blocked whoever publishes: " + blocked_reason_;
  }
  if (now >= progress_at_ + kConfirmTime) return lost("it confirms nothing");
  if (now >= deadline) {
    return "RabbitMQ is slow: it has confirmed " + std::to_string(taken_) + " of " + std::to_string(events) + " events";
  }
  return {};
}

std::string RabbitmqSink::lost(const std::string& error) {
  connection_.drop();
  window_.clear();
  is_blocked_ = false;
  return "RabbitMQ: " + error;
}

std::string RabbitmqSink::probe(Clock::time_point deadline) {
  AmqpConnection connection;
  auto error = connection.open(address_, options_.exchange, deadline);
  connection.close();
  return error;
}

bool RabbitmqSink::tend() {
  if (connection_.is_open()) (void)read(Clock::now());
  return false;
}

void RabbitmqSink::release() {
  connection_.close();
  window_.clear();
  connection_.allow();
}

}  // namespace

std::unique_ptr<Sink> make_rabbitmq_sink(RabbitmqOptions options, telemetry::Metrics& metrics) {
  auto address = parse_amqp_url(options.url);  // of setting events.rabbitmq.url, as its error says
  address.ca_file = options.ca_file;
  return std::make_unique<RabbitmqSink>(std::move(address), std::move(options), metrics);
}

}  // namespace flashsale::events
