#pragma once
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/order_writer.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/redis/sale_scripts.hpp"
#include "flashsale/redis/sync_client.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::catalog {

/// Brings Redis to what PostgreSQL says: opens and rebuilds sales, pushes definitions and stock changes. Blocking; one
/// thread at a time. Every call may be repeated, and may run on several instances at once.
class Publisher {
 public:
  Publisher(postgres::Options postgres, redis::Options redis, std::string name, telemetry::Metrics& metrics);

  /// Keeps others from one kind of work on a sale for `duration`; calling again keeps it longer. False: somebody else
  /// has it, or Redis is away.
  [[nodiscard]] bool hold_lease(std::string_view sale_id, std::string_view kind, std::chrono::milliseconds duration);
  /// Keeps other instances from rebuilding the sale for some seconds. False: somebody else does, or Redis is away.
  [[nodiscard]] bool hold_rebuild_lease(std::string_view sale_id);
  void give_back_rebuild_lease(std::string_view sale_id);

  enum class RebuildOutcome { published, superseded };
  /// Opens or rebuilds a sale (PROTOCOL R1, R2, R3): raises the epoch from `seen_epoch`, closes the fence, drains the
  /// pending log that survives and deletes what is left of old epochs, loads one snapshot and publishes it.
  /// `superseded`: somebody else did or is doing it.
  [[nodiscard]] Result<RebuildOutcome> rebuild(const Sale& sale, std::int64_t seen_epoch);

  enum class PushOutcome { done, lost };
  /// State and times, when Redis has an older version (R15).
  [[nodiscard]] Result<PushOutcome> push_definition(const Sale& sale);
  /// Stock changes of an item that Redis has not applied yet (R12).
  [[nodiscard]] Result<PushOutcome> push_stock(const Sale& sale, std::int32_t item_no);
  /// Tells every pulse that the directory has moved.
  [[nodiscard]] Error announce(std::int64_t directory_version);

  [[nodiscard]] postgres::Session& session() { return session_; }
  [[nodiscard]] redis::SyncClient& redis() { return redis_; }

 private:
  /// The sale as it was read; of another epoch when somebody newer was here.
  struct Prepared {
    Sale sale;
    redis::Loaded loaded;
  };
  [[nodiscard]] Result<Prepared> prepare(const Sale& sale, std::int64_t published_epoch, std::int64_t epoch);
  [[nodiscard]] Result<redis::LoadOutcome> clear(const Sale& sale, std::span<const std::int64_t> old,
                                                 std::int64_t epoch);
  [[nodiscard]] Result<Prepared> load(const Sale& sale, std::int64_t new_epoch);
  [[nodiscard]] Error finish_loading(bool& superseded);
  void mark_given_back(std::span<const Order> unreturned);
  [[nodiscard]] Result<RebuildOutcome> publish(const Prepared& prepared, std::string_view identity);
  [[nodiscard]] RebuildOutcome count(RebuildOutcome outcome);

  postgres::Session session_;
  postgres::OrderWriter writer_;
  redis::Options redis_options_;
  redis::SyncClient redis_;
  std::string holder_;  ///< of the leases
  telemetry::Metrics& metrics_;
};

}  // namespace flashsale::catalog
