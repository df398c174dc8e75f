#include "flashsale/redis/server_facts.hpp"

#include "flashsale/redis/server_identity.hpp"

namespace flashsale::redis {

Result<ServerFacts> read_server_facts(SyncClient& client) {
  const auto reply = client.call(Command{"INFO"});
  if (!reply) return reply.error();
  const auto info = ReplyView(reply->get()).text();
  ServerFacts facts;
  facts.is_master = info_value(info, "role") == "master";
  facts.has_aof = info_value(info, "aof_enabled") == "1";
  facts.eviction_policy = info_value(info, "maxmemory_policy");
  return facts;
}

}  // namespace flashsale::redis
