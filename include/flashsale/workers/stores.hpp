#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "flashsale/postgres/order_writer.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/redis/fence.hpp"
#include "flashsale/redis/sync_client.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::workers {

/// What a thread that blocks has of both stores: a session of PostgreSQL, a client of Redis, and leases in a name of
/// its own. Each connects when it is first used. One thread at a time.
class Stores {
 public:
  Stores(const postgres::Options& postgres, const redis::Options& redis, const std::string& name,
         telemetry::Metrics& metrics);

  [[nodiscard]] postgres::Session& session() { return session_; }
  /// For orders that Redis had accepted before it was rebuilt.
  [[nodiscard]] postgres::OrderWriter& writer() { return writer_; }
  [[nodiscard]] redis::SyncClient& redis() { return redis_; }
  [[nodiscard]] telemetry::Metrics& metrics() { return metrics_; }
  [[nodiscard]] const redis::Options& redis_options() const { return redis_options_; }

  /// Of a sale, on the server that the client speaks to now. Valid while the id is, and until the client connects anew.
  [[nodiscard]] redis::Fence fence(std::string_view sale_id, std::int64_t epoch) const {
    return {sale_id, epoch, redis_.identity()};
  }

  /// Keeps others from one kind of work on a sale for `duration`; calling again keeps it longer, 0 gives it back.
  /// False: somebody else has it, or Redis is away. No promise rests on a lease.
  bool hold_lease(std::string_view sale_id, std::string_view kind, std::chrono::milliseconds duration);
  [[nodiscard]] const std::string& lease_holder() const { return lease_holder_; }

 private:
  postgres::Session session_;
  postgres::OrderWriter writer_;
  redis::Options redis_options_;
  redis::SyncClient redis_;
  std::string lease_holder_;
  telemetry::Metrics& metrics_;
};

}  // namespace flashsale::workers
