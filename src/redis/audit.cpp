#include "flashsale/redis/audit.hpp"

#include <utility>

#include "evalsha.hpp"
#include "items_hash.hpp"
#include "pending_page.hpp"
#include "sale_keys.hpp"

namespace flashsale::redis {
namespace {

Result<AuditReply> read_audit(ReplyView reply) {
  const auto outcome = reply[0].text();
  AuditReply result;
  if (outcome == "lost") return result;
  if (outcome == "too_long") {
    result.outcome = AuditReply::Outcome::too_long;
    return result;
  }
  if (outcome != "ok") return protocol_error();
  auto pending = read_pending(reply[3]);
  if (!pending || pending->unreadable > 0) return protocol_error();
  result.outcome = AuditReply::Outcome::ok;
  result.now = from_unix_us(reply[1].number());
  result.items = read_items(reply[2]);
  result.pending = std::move(pending->entries);
  return result;
}

}  // namespace

Call<AuditReply> audit(const Fence& fence, std::int64_t log_entries_max) {
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("audit", {keys.fence, keys.items, keys.log}, 3);
  command.add(fence.epoch).add(fence.identity).add(log_entries_max);
  return {std::move(command), Reader(read_audit)};
}

}  // namespace flashsale::redis
