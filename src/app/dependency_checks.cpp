#include "dependency_checks.hpp"

#include <chrono>
#include <stdexcept>

#include "flashsale/outbound/trace_probe.hpp"
#include "flashsale/postgres/distribution.hpp"
#include "flashsale/postgres/migrator.hpp"
#include "flashsale/postgres/privileges.hpp"
#include "flashsale/redis/server_facts.hpp"
#include "flashsale/telemetry/log.hpp"
#include "flashsale/telemetry/metrics.hpp"
#include "module_options.hpp"
#include "store_versions.hpp"

namespace flashsale::app {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;
/// For a broker to be tried.
constexpr std::chrono::seconds kBrokerTime{5};

/// A rebuild deletes what a sale had before it loads it anew, so what Redis holds now is what it needs then.
std::string describe_memory(const redis::ServerFacts& facts) {
  const auto used = "redis: " + std::to_string(facts.memory_used / kMiB) + " MiB used";
  const std::string need = "; a rebuild needs what a sale's keys hold already, and 1 MiB besides";
  if (facts.memory_max == 0) return used + ", maxmemory is not set" + need;
  const bool is_tight = facts.memory_max - facts.memory_used < facts.memory_max / 5;
  return used + " of " + std::to_string(facts.memory_max / kMiB) + (is_tight ? ", which is nearly all" : "") + need;
}

void check_redis_user(const redis::Options& options, redis::SyncClient& client, DependencyReport& report) {
  if (options.address.password.empty()) report.excessive.emplace_back("redis: no password is used");
  const auto beyond = redis::privileges_beyond_serving(client);
  if (!beyond) return report.unreachable.push_back("redis: " + beyond.error().message());
  for (const auto& what : *beyond) report.excessive.push_back("redis: this user " + what);
}

/// An old Redis refuses the scripts, and with them every connection that loads them.
std::string why_too_old(redis::Options options) {
  options.load_scripts = false;
  redis::SyncClient client(std::move(options), "check");
  const auto facts = redis::read_server_facts(client);
  return facts ? why_redis_is_too_old(facts->version) : std::string();
}

void check_redis(const Settings& settings, DependencyReport& report) {
  auto options = redis_options(settings);
  options.allow_replica = true;  // judged below, with a reason
  redis::SyncClient client(options, "check");
  const auto facts = redis::read_server_facts(client);
  const auto refuse = [&](std::string why) { report.unsafe.push_back("redis: " + std::move(why)); };
  if (!facts) {
    if (auto why = why_too_old(options); !why.empty()) return refuse(std::move(why));
    return report.unreachable.push_back("redis: " + facts.error().message());
  }
  if (auto why = why_redis_is_too_old(facts->version); !why.empty()) refuse(std::move(why));
  report.notes.push_back(describe_memory(*facts));
  if (!facts->is_master && !settings.redis.allow_replica) {
    refuse("is a replica; writes would be lost (redis.allow_replica lets it pass)");
  }
  if (facts->eviction_policy != "noeviction" && !settings.redis.allow_eviction) {
    refuse("maxmemory-policy is " + facts->eviction_policy +
           ", so stock counters may be evicted (redis.allow_eviction lets it pass)");
  }
  check_redis_user(options, client, report);
  if (!facts->has_aof && !settings.redis.allow_no_aof) {
    refuse("appendonly is off, so a restart forgets pending orders (redis.allow_no_aof lets it pass)");
  }
}

void check_schema(const postgres::SchemaState& schema, DependencyReport& report) {
  const auto refuse = [&](const std::string& why) { report.unsafe.push_back("postgres: " + why); };
  const auto found = std::to_string(schema.found);
  const auto expected = std::to_string(schema.expected);
  if (!schema.is_complete) {
    refuse("schema version is " + found + ", this binary needs all up to " + expected + ": run flashsaled migrate");
  } else if (!schema.checksums_match) {
    refuse("a migration that was applied differs from this binary's");
  } else if (schema.found > schema.expected) {
    // Migrations only add: during a roll, and after it was rolled back, this version serves beside the newer one.
    telemetry::log_warn("the schema is newer than this binary", {{"found", schema.found}, {"known", schema.expected}});
  }
}

void check_postgres_role(postgres::Session& session, DependencyReport& report) {
  const auto beyond = postgres::privileges_beyond_serving(session);
  if (!beyond) return report.unreachable.push_back("postgres: " + beyond.error().message());
  for (const auto& what : *beyond) report.excessive.push_back("postgres: this role " + what);
}

/// Of a Citus cluster every node keeps orders. (One that has no cluster is told nothing of.)
void check_nodes(postgres::Session& session, const std::string& pass, DependencyReport& report) {
  const auto citus = postgres::is_citus(session);
  if (!citus || !*citus) return;
  const auto nodes = postgres::nodes_durability(session);
  if (!nodes) return report.unreachable.push_back("postgres: its nodes: " + nodes.error().message());
  for (const auto& node : *nodes) {
    if (node.synchronous_commit.empty()) {
      report.unreachable.push_back("postgres: node " + node.node);
    } else if (!node.fsync || !node.full_page_writes || node.synchronous_commit == "off") {
      report.unsafe.push_back("postgres: node " + node.node +
                              " has fsync, full_page_writes or synchronous_commit off, so a crash loses committed "
                              "orders" +
                              pass);
    }
  }
}

void check_postgres(const Settings& settings, DependencyReport& report) {
  postgres::Session session(postgres_options(settings), "check");
  const auto schema = postgres::schema_state(session);
  if (!schema) return report.unreachable.push_back("postgres: " + schema.error().message());
  const auto durability = postgres::durability(session);
  if (!durability) return report.unreachable.push_back("postgres: " + durability.error().message());
  check_schema(*schema, report);
  check_postgres_role(session, report);
  const auto refuse = [&](const std::string& why) { report.unsafe.push_back("postgres: " + why); };
  if (const auto why = why_postgres_is_too_old(durability->server_version); !why.empty()) refuse(why);
  if (durability->in_recovery) refuse("is a standby, which takes no orders");
  if (settings.postgres.allow_unsafe_durability) return;
  const std::string pass = " (postgres.allow_unsafe_durability lets it pass)";
  if (!durability->fsync) refuse("fsync is off, so a crash loses committed orders" + pass);
  if (!durability->full_page_writes) refuse("full_page_writes is off, so a crash can corrupt tables" + pass);
  if (durability->synchronous_commit == "off") {
    refuse("synchronous_commit is off, so a crash loses committed orders" + pass);
  }
  check_nodes(session, pass, report);
}

}  // namespace

void check_brokers(const Settings& settings, DependencyReport& report) {
  telemetry::Metrics metrics;
  try {
    for (const auto& sink : event_sinks(settings, metrics)) {
      const auto why = sink->probe(std::chrono::steady_clock::now() + kBrokerTime);
      if (!why.empty()) report.notes.push_back("events wait for " + sink->name() + ": " + why);
    }
  } catch (const std::invalid_argument& refused) {
    report.unsafe.emplace_back(refused.what());
  }
}

void check_trace_collector(const Settings& settings, DependencyReport& report) {
  if (!settings.tracing.enabled) return;
  const auto why = outbound::try_trace_collector(trace_exporter_options(settings));
  if (why.empty()) {
    report.notes.emplace_back("traces reach their collector");
    return;
  }
  report.warnings.push_back("traces do not reach their collector: " + why);
}

DependencyReport check_dependencies(const Settings& settings) {
  DependencyReport report;
  check_redis(settings, report);
  check_postgres(settings, report);
  return report;
}

}  // namespace flashsale::app
