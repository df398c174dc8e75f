#pragma once
#include <string>

#include "flashsale/model/result.hpp"
#include "flashsale/redis/sync_client.hpp"

namespace flashsale::redis {

/// Settings of a Redis server that the promises rest on, as INFO tells them.
struct ServerFacts {
  bool is_master = false;
  bool has_aof = false;
  std::string eviction_policy;
};

[[nodiscard]] Result<ServerFacts> read_server_facts(SyncClient& client);

}  // namespace flashsale::redis
