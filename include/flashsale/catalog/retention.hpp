#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "flashsale/catalog/latest_snapshot.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/workers/periodic_thread.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::catalog {

/// Lets the Redis keys of closed sales go once everything in them is settled. PostgreSQL keeps every order; a key that
/// is repeated is answered from there. Finishes resets of rehearsals that nobody is at any more, too. One thread; any
/// instance does it, under a lease for each sale.
class Retention {
 public:
  struct Options {
    postgres::Options postgres;
    redis::Options redis;
    std::chrono::seconds keep{3600};  ///< after this process has first seen the sale closed
    std::chrono::milliseconds interval{1000};
  };

  Retention(Options options, telemetry::Metrics& metrics);
  void start() { thread_.start(); }
  void stop() { thread_.stop(); }

  /// The newest snapshot; any thread.
  void observe(std::shared_ptr<const Snapshot> snapshot) { snapshot_.set(std::move(snapshot)); }

 private:
  void pass();
  void look(const Snapshot& snapshot);
  [[nodiscard]] bool tidy();
  void finish_resets();
  [[nodiscard]] bool is_due(const SaleSnapshot& sale);
  void let_go(const Sale& sale);
  [[nodiscard]] bool forget(const Sale& sale, std::int64_t epoch);

  Options options_;
  workers::Stores stores_;  ///< the thread's alone
  std::map<std::int32_t, SteadyTime> closed_since_;
  std::set<std::int32_t> forgotten_;  ///< let go, and known to have no keys any more
  SteadyTime tidy_at_{};
  std::chrono::steady_clock::time_point resets_at_{};

  LatestSnapshot snapshot_;
  workers::PeriodicThread thread_;  ///< the last: it ends before what it uses
};

}  // namespace flashsale::catalog
