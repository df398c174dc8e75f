#pragma once
#include <chrono>

#include "flashsale/postgres/session.hpp"
#include "flashsale/redis/sync_client.hpp"
#include "flashsale/telemetry/metrics.hpp"
#include "flashsale/workers/periodic_thread.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::admin {

/// Tells by metrics how near each store is to its limits: Redis's memory, PostgreSQL's connections. What a store does
/// not answer is no number (NaN). A thread of its own.
class StoreWatch {
 public:
  struct Options {
    postgres::Options postgres;
    redis::Options redis;
    std::chrono::milliseconds interval{5000};
  };

  StoreWatch(const Options& options, telemetry::Metrics& metrics);
  void start() { thread_.start(); }
  void stop() { thread_.stop(); }

 private:
  void look();
  void look_at_redis();
  void look_at_postgres();

  workers::Stores stores_;  ///< the watch's thread only
  telemetry::Metrics& metrics_;
  workers::PeriodicThread thread_;  ///< the last: it ends before what it uses
};

}  // namespace flashsale::admin
