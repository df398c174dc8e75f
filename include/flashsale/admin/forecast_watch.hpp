#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "flashsale/admin/forecasts.hpp"
#include "flashsale/catalog/latest_snapshot.hpp"
#include "flashsale/checkout/arrivals.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/workers/periodic_thread.hpp"

namespace flashsale::admin {

class PendingArrivals;

/// Makes a forecast of every open sale once a second. Each instance writes the checkouts that came to it, by second, to
/// PostgreSQL, reads those of all instances from there, and computes the same from them; nobody leads. Without
/// PostgreSQL there is no forecast, and nothing else is missing: what has been counted waits in bounded memory. It is
/// written whether there is a forecast or not. One thread.
class ForecastWatch {
 public:
  struct Options {
    postgres::Options postgres;
    bool enabled = true;  ///< false: nothing is counted, nothing said
  };

  explicit ForecastWatch(Options options);
  ~ForecastWatch();
  ForecastWatch(const ForecastWatch&) = delete;
  ForecastWatch& operator=(const ForecastWatch&) = delete;
  void start();
  void stop();  ///< writes what there is

  /// The newest snapshot. Any thread, as all that follow.
  void observe(std::shared_ptr<const catalog::Snapshot> snapshot) { snapshot_.set(std::move(snapshot)); }
  /// What came within the last pulse, by the snapshot of which it is told whether the sales are open.
  void add(const std::vector<checkout::SaleArrivals>& arrivals, const catalog::Snapshot& snapshot);
  /// Never null. Without those of sales that are not open, or of which the newest seconds are not known.
  [[nodiscard]] std::shared_ptr<const Forecasts> latest() const;
  /// How good the forecast of a sale was. With a session of the caller.
  [[nodiscard]] Result<std::optional<SaleHindsight>> look_back_at(postgres::Session& session, const Sale& sale) const;

 private:
  class Followed;

  void pass();
  void follow(const catalog::Snapshot& snapshot, TimePoint now);
  void find_priors(const catalog::Snapshot& snapshot, TimePoint now);
  void write(std::int64_t before);
  void read(std::int64_t complete);
  [[nodiscard]] bool read_one(std::int32_t sale_no, std::int64_t complete);
  void publish(std::int64_t complete);

  bool enabled_;
  std::unique_ptr<PendingArrivals> unwritten_;
  catalog::LatestSnapshot snapshot_;
  postgres::Session session_;                                   ///< the watch's thread only, and stop() after it
  std::map<std::int32_t, std::unique_ptr<Followed>> followed_;  ///< by sale_no; like session_
  std::int64_t read_until_ = 0;                                 ///< like session_
  std::int32_t last_failed_ = 0;                                ///< sale that could not be written; like session_
  mutable std::mutex mutex_;
  std::shared_ptr<const Forecasts> latest_;
  std::chrono::steady_clock::time_point made_at_{};  ///< latest_
  workers::PeriodicThread thread_;                   ///< the last: it ends before what it uses
};

}  // namespace flashsale::admin
