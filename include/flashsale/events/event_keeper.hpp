#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "flashsale/events/leadership.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/telemetry/metrics.hpp"
#include "flashsale/workers/periodic_thread.hpp"

namespace flashsale::events {

/// What the line of events needs besides positions: events that come by the clock or by what was sold, an end for those
/// that all have been told of, both by the process that leads, and numbers for whoever watches, by each. One thread.
/// Where events are switched off, in every process: what was left before goes when its time is over.
class EventKeeper {
 public:
  struct Options {
    postgres::Options postgres;
    bool enabled = true;
    std::chrono::seconds retention{0};  ///< events are kept for so long at least
    std::vector<std::string> sinks;     ///< names of the brokers that are set up
  };

  EventKeeper(Options options, Leadership& leadership, telemetry::Metrics& metrics);
  void start() { thread_.start(); }
  void stop() { thread_.stop(); }

 private:
  void pass();
  void tell_of_sales();
  void observe();
  void retire_all();
  void retire();

  Options options_;
  Leadership& leadership_;
  telemetry::Metrics& metrics_;
  postgres::Session session_;
  std::vector<std::string> observed_;  ///< sinks whose numbers were shown last
  std::chrono::steady_clock::time_point sinks_at_{};
  std::chrono::steady_clock::time_point retire_at_{};
  workers::PeriodicThread thread_;  ///< the last: it ends before what it uses
};

}  // namespace flashsale::events
