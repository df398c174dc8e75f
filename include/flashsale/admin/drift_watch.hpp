#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flashsale/admin/audit.hpp"
#include "flashsale/catalog/latest_snapshot.hpp"
#include "flashsale/catalog/upkeep.hpp"
#include "flashsale/telemetry/metrics.hpp"
#include "flashsale/workers/periodic_thread.hpp"

namespace flashsale::admin {

/// Anti-entropy: audits every open sale again and again, on one instance at a time, and has a sale rebuilt whose stores
/// have come to disagree. What looks wrong once may be on its way; only the same drift in two looks in a row counts.
/// One thread.
class DriftWatch {
 public:
  struct Options {
    postgres::Options postgres;
    redis::Options redis;
    std::chrono::milliseconds interval{2000};  ///< between two looks at a sale; longer where a look takes long
  };

  DriftWatch(Options options, catalog::Upkeep& upkeep, telemetry::Metrics& metrics);
  void start() { thread_.start(); }
  void stop() { thread_.stop(); }

  /// The newest snapshot; any thread.
  void observe(std::shared_ptr<const catalog::Snapshot> snapshot) { snapshot_.set(std::move(snapshot)); }

 private:
  struct Watched {
    catalog::SteadyTime next_at{};
    std::int64_t epoch = 0;
    std::map<std::string, std::int64_t> drift;  ///< of the look before, by SKU
    std::vector<std::int64_t> clean_levels;     ///< as they were at a look that found nothing; empty: none yet
  };

  void look_at_all();
  void look(const catalog::SaleSnapshot& snapshot, Watched& watched);
  void judge(const std::shared_ptr<const Sale>& sale, Watched& watched, const AuditReport& report);

  Options options_;
  catalog::Upkeep& upkeep_;
  telemetry::Metrics& metrics_;
  workers::Stores stores_;                   ///< the watch's thread only
  std::map<std::int32_t, Watched> watched_;  ///< by sale_no; the watch's thread only
  catalog::LatestSnapshot snapshot_;
  workers::PeriodicThread thread_;  ///< the last: it ends before what it uses
};

}  // namespace flashsale::admin
