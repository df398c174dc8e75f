#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "flashsale/events/event_log.hpp"
#include "flashsale/events/leadership.hpp"
#include "flashsale/events/parked_events.hpp"
#include "flashsale/events/sink.hpp"
#include "flashsale/events/webhook_client.hpp"
#include "flashsale/events/webhook_options.hpp"
#include "flashsale/postgres/webhook_deliveries.hpp"
#include "flashsale/postgres/webhook_repository.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::events {

/// One endpoint that events are sent to, one after the other. What it does not take is parked in PostgreSQL and tried
/// again by the schedule; later events of the same key wait behind it, and those of other keys go on. When nothing gets
/// through at all it stands still instead, and tries what is parked from time to time until something does. One that
/// says that it is gone, or has not taken anything for long, is switched off.
class WebhookSink : public Sink {
 public:
  /// `log` must outlive it.
  WebhookSink(const WebhookOptions& options, postgres::WebhookTarget target, EventLog& log,
              telemetry::Metrics& metrics);

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::string& kind() const override;
  void use(postgres::Session& session, const Leadership& leadership) override;
  [[nodiscard]] Delivered deliver(std::span<const EventPtr> events,
                                  std::chrono::steady_clock::time_point deadline) override;
  [[nodiscard]] OwnPosition own_position(std::chrono::steady_clock::time_point deadline) override;
  /// `POST …/test` does.
  [[nodiscard]] std::string probe(std::chrono::steady_clock::time_point /*deadline*/) override { return {}; }
  bool tend() override;
  void release() override;
  void interrupt() override;

  /// It has switched the endpoint off. Any thread.
  [[nodiscard]] bool is_off() const { return is_off_; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Outcome : std::uint8_t { taken, failed, stopped };

  [[nodiscard]] bool deliver_one(const Event& event, Delivered& delivered);
  [[nodiscard]] Outcome send(const Event& event, std::int32_t attempt);
  void succeed();
  void fail(const std::string& error);
  void switch_off(const std::string& reason);
  void park(const Event& event, std::int32_t failures);
  [[nodiscard]] bool store_parked(std::span<const EventPtr> events, Delivered& delivered);
  [[nodiscard]] bool is_down() const;
  [[nodiscard]] bool is_over() const { return is_interrupted_ || !leadership_->holds(); }
  [[nodiscard]] const ParkedEvents::Parked* due(Clock::time_point now) const;
  [[nodiscard]] bool retry(const ParkedEvents::Parked& parked, std::vector<std::int64_t>& done);
  void note_deliveries();
  [[nodiscard]] std::chrono::milliseconds delay_after(std::int32_t failures);

  WebhookOptions options_;
  postgres::WebhookTarget target_;
  std::string name_;
  EventLog& log_;
  telemetry::Metrics& metrics_;
  postgres::Session* session_ = nullptr;
  const Leadership* leadership_ = nullptr;
  WebhookClient client_;
  std::minstd_rand random_{std::random_device{}()};

  ParkedEvents parked_;
  std::vector<postgres::WebhookRetry> new_parked_;     ///< not yet in PostgreSQL
  std::vector<postgres::WebhookDelivery> deliveries_;  ///< not yet in PostgreSQL
  Clock::time_point note_at_{};
  std::int32_t failures_in_row_ = 0;
  std::optional<Clock::time_point> failing_since_;
  Clock::time_point last_attempt_{};
  std::string last_error_;
  std::atomic<bool> is_off_{false};
  std::atomic<bool> is_interrupted_{false};
};

}  // namespace flashsale::events
