#include "flashsale/workers/stores.hpp"

#include "flashsale/redis/lease.hpp"
#include "flashsale/workers/holder_name.hpp"

namespace flashsale::workers {

Stores::Stores(const postgres::Options& postgres, const redis::Options& redis, const std::string& name,
               telemetry::Metrics& metrics)
    : session_(postgres, name),
      writer_(postgres, name + "-writer"),
      redis_options_(redis),
      redis_(redis, name),
      lease_holder_(unique_holder(name)),
      metrics_(metrics) {}

bool Stores::hold_lease(std::string_view sale_id, std::string_view kind, std::chrono::milliseconds duration) {
  const auto lease = redis_.ask(redis::lease(sale_id, kind, lease_holder_, duration));
  return lease && *lease == redis::LeaseOutcome::held;
}

}  // namespace flashsale::workers
