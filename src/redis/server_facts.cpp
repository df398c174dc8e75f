#include "flashsale/redis/server_facts.hpp"

#include <array>
#include <charconv>
#include <string_view>

#include "server_identity.hpp"

namespace flashsale::redis {
namespace {

std::int64_t number_of(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Result<ServerFacts> read_server_facts(SyncClient& client) {
  const auto reply = client.call(Command{"INFO"});
  if (!reply) return reply.error();
  const auto info = ReplyView(reply->get()).text();
  ServerFacts facts;
  facts.is_master = info_value(info, "role") == "master";
  facts.has_aof = info_value(info, "aof_enabled") == "1";
  facts.version = info_value(info, "redis_version");
  facts.eviction_policy = info_value(info, "maxmemory_policy");
  facts.memory_used = number_of(info_value(info, "used_memory"));
  facts.memory_max = number_of(info_value(info, "maxmemory"));
  return facts;
}

Result<bool> is_freeing_memory(SyncClient& client) {
  const auto reply = client.call(Command{"INFO", "memory"});
  if (!reply) return Result<bool>(boost::system::in_place_error, reply.error());
  const auto pending = info_value(ReplyView(reply->get()).text(), "lazyfree_pending_objects");
  return Result<bool>(boost::system::in_place_value, !pending.empty() && pending != "0");
}

Result<std::vector<std::string>> privileges_beyond_serving(SyncClient& client) {
  std::vector<std::string> found;
  const std::array<Command, 2> tries{Command{"CONFIG", "GET", "maxmemory"}, Command{"GET", "other:key"}};
  const auto replies = client.pipeline(tries);
  if (!replies) return replies.error();
  const auto may = [&](std::size_t i) { return !ReplyView((*replies)[i].get()).is_error(); };
  if (may(0)) found.emplace_back("may change the server's settings (CONFIG)");
  if (may(1)) found.emplace_back("may use keys that do not begin with fs:");
  return found;
}

}  // namespace flashsale::redis
