#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "flashsale/catalog/latest_snapshot.hpp"
#include "flashsale/identity/behaviour_notes.hpp"
#include "flashsale/identity/behaviour_table.hpp"
#include "flashsale/identity/gateway_peers.hpp"
#include "flashsale/postgres/behaviour_repository.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/telemetry/metrics.hpp"
#include "flashsale/workers/periodic_thread.hpp"

namespace flashsale::checkout {

/// Looks at what the I/O threads have noted of checkouts, and writes to PostgreSQL whose behaviour is worth a word: a
/// few times a second in memory, every two seconds to the store. While PostgreSQL is away the table waits, whose size
/// is fixed. One thread, of low priority: buyers go first.
class BehaviourRecorder {
 public:
  struct Options {
    postgres::Options postgres;
    identity::BehaviourTable::Options table;
  };

  BehaviourRecorder(const Options& options, const identity::GatewayPeers& trusted_proxies, telemetry::Metrics& metrics);
  ~BehaviourRecorder();
  void start() { thread_.start(); }
  void stop();  ///< writes what there is

  /// From an I/O thread, now and then: takes its notes, and leaves it empty ones.
  void take(identity::BehaviourNotes& notes);
  /// From the pulse's thread.
  void observe(const std::shared_ptr<const catalog::Snapshot>& snapshot) { latest_.set(snapshot); }

  // What its thread does now and then. For whoever has not started it.
  void look_now();
  using Wanted = identity::BehaviourTable::Wanted;
  bool write_now(Wanted wanted = Wanted::what_matters);  ///< a pass; false: PostgreSQL has not taken all of it

 private:
  using Clock = std::chrono::steady_clock;
  using Note = identity::BehaviourNotes::Note;
  /// What is known of a sale's moments besides what the snapshot shows.
  struct Returns {
    TimePoint last{};
    std::vector<TimePoint> known;
  };

  void work();
  void look_at(const std::vector<Note>& notes, const catalog::Snapshot& snapshot);
  [[nodiscard]] identity::SellingMoments moments_of(const catalog::SaleSnapshot& sale);
  [[nodiscard]] bool write_sale(std::int32_t sale_no, const std::vector<identity::BehaviourTable::Finding>& findings);

  const identity::GatewayPeers& trusted_proxies_;
  std::int64_t process_no_;
  catalog::LatestSnapshot latest_;
  std::mutex mutex_;
  std::vector<identity::BehaviourNotes> full_;
  std::size_t waiting_ = 0;                      ///< notes in them
  std::vector<identity::BehaviourNotes> empty_;  ///< their memory is used again
  // The recorder's thread only, and stop() after it.
  postgres::Session session_;
  identity::BehaviourTable table_;
  std::map<std::int32_t, Returns> returns_;
  std::int32_t last_failed_ = 0;  ///< sale that could not be written
  Clock::time_point written_at_{};
  std::array<prometheus::Gauge*, kBehaviourBands.size()> bands_{};
  prometheus::Counter& left_out_;
  workers::PeriodicThread thread_;  ///< the last: it ends before what it uses
};

}  // namespace flashsale::checkout
