#pragma once
#include <atomic>
#include <chrono>

#include "flashsale/postgres/event_agreement.hpp"
#include "flashsale/telemetry/metrics.hpp"
#include "flashsale/workers/periodic_thread.hpp"

namespace flashsale::events {

/// Whether all processes are of one mind about events. None of another mind was there when this one began; one can have
/// come while PostgreSQL was away. Then the log says so, and a metric. One thread.
class AgreementWatch {
 public:
  /// `agreement` must outlive it.
  AgreementWatch(postgres::EventAgreement& agreement, bool leaves_events);
  void start() { thread_.start(); }
  void stop() { thread_.stop(); }
  /// How many processes are of another mind. Any thread.
  void add_metrics(telemetry::Metrics::Families& families) const;

 private:
  void look();

  postgres::EventAgreement& agreement_;
  bool leaves_events_;
  std::chrono::steady_clock::time_point told_at_{};
  std::atomic<double> others_{0};
  workers::PeriodicThread thread_;  ///< the last: it ends before what it uses
};

}  // namespace flashsale::events
