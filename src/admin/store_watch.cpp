#include "flashsale/admin/store_watch.hpp"

#include <limits>

#include "flashsale/postgres/server_connections.hpp"
#include "flashsale/redis/server_facts.hpp"

namespace flashsale::admin {

StoreWatch::StoreWatch(const Options& options, telemetry::Metrics& metrics)
    : stores_(options.postgres, options.redis, "store-watch", metrics),
      metrics_(metrics),
      thread_(options.interval, [this] { look(); }) {}

void StoreWatch::look() {
  look_at_redis();
  if (!thread_.is_stopping()) look_at_postgres();
}

void StoreWatch::look_at_redis() {
  const auto facts = redis::read_server_facts(stores_.redis());
  if (!facts) return metrics_.store_used("redis", "memory_bytes").Set(telemetry::kUnknownReading);
  metrics_.store_used("redis", "memory_bytes").Set(static_cast<double>(facts->memory_used));
  // 0 of Redis: as much as the machine has.
  const auto limit =
      facts->memory_max > 0 ? static_cast<double>(facts->memory_max) : std::numeric_limits<double>::infinity();
  metrics_.store_limit("redis", "memory_bytes").Set(limit);
}

void StoreWatch::look_at_postgres() {
  const auto connections = postgres::read_server_connections(stores_.session());
  if (!connections) return metrics_.store_used("postgres", "connections").Set(telemetry::kUnknownReading);
  metrics_.store_used("postgres", "connections").Set(static_cast<double>(connections->used));
  metrics_.store_limit("postgres", "connections").Set(static_cast<double>(connections->max));
}

}  // namespace flashsale::admin
