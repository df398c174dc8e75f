#include "flashsale/redis/lease.hpp"

#include <utility>

#include "evalsha.hpp"
#include "sale_keys.hpp"

namespace flashsale::redis {
namespace {

Result<LeaseOutcome> read_lease(ReplyView reply) {
  return reply.number() == 1 ? LeaseOutcome::held : LeaseOutcome::refused;
}

}  // namespace

Call<LeaseOutcome> lease(std::string_view sale_id, std::string_view kind, std::string_view holder,
                         std::chrono::milliseconds duration) {
  auto command = evalsha("lease", {lease_key(sale_id, kind)}, 2);
  command.add(holder).add(static_cast<std::int64_t>(duration.count()));
  return {std::move(command), Reader(read_lease)};
}

}  // namespace flashsale::redis
