#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "flashsale/model/result.hpp"
#include "flashsale/redis/sync_client.hpp"

namespace flashsale::redis {

/// Settings of a Redis server that the promises rest on, as INFO tells them.
struct ServerFacts {
  bool is_master = false;
  bool has_aof = false;
  std::string version;  ///< Valkey: of the Redis that it stands for
  std::string eviction_policy;
  std::int64_t memory_used = 0;  ///< bytes
  std::int64_t memory_max = 0;   ///< 0: no bound
};

[[nodiscard]] Result<ServerFacts> read_server_facts(SyncClient& client);

/// Whether memory of deleted keys is still to be given back.
[[nodiscard]] Result<bool> is_freeing_memory(SyncClient& client);

/// What the client's user may do beyond the commands of this module on the keys `fs:*`, each in words for people; empty
/// when nothing was found. Tries, and changes nothing.
[[nodiscard]] Result<std::vector<std::string>> privileges_beyond_serving(SyncClient& client);

}  // namespace flashsale::redis
