#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "flashsale/events/event_log.hpp"
#include "flashsale/events/leadership.hpp"
#include "flashsale/postgres/event_numbering.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/telemetry/metrics.hpp"
#include "flashsale/workers/periodic_thread.hpp"

namespace flashsale::events {

/// Gives committed events their positions, in one process of all, which leads as long as it does so; in the others it
/// looks where the line ends while somebody wants to know. One thread.
class Sequencer {
 public:
  struct Options {
    postgres::Options postgres;
    bool rehearsals = false;  ///< whether events of rehearsals count
  };

  Sequencer(Options options, EventLog& log, Leadership& leadership, telemetry::Metrics& metrics);
  void start() { thread_.start(); }
  /// Somebody else may lead at once.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;

  void look();
  [[nodiscard]] bool claims(Clock::time_point now);
  void look_as_leader(Clock::time_point now);
  void follow(Clock::time_point now);
  void number(Clock::time_point now);
  void announce(std::int64_t last_position);

  Options options_;
  EventLog& log_;
  Leadership& leadership_;
  telemetry::Metrics& metrics_;
  postgres::EventNumbering numbering_;
  std::string name_;
  Clock::time_point next_look_{};
  Clock::time_point claim_at_{};
  Clock::time_point busy_until_{};  ///< events came a moment ago, so more will
  workers::PeriodicThread thread_;  ///< the last: it ends before what it uses
};

}  // namespace flashsale::events
