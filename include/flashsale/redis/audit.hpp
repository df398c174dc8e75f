#pragma once
#include <cstdint>
#include <vector>

#include "flashsale/model/time.hpp"
#include "flashsale/redis/call.hpp"
#include "flashsale/redis/fence.hpp"
#include "flashsale/redis/item_level.hpp"
#include "flashsale/redis/order_record.hpp"

namespace flashsale::redis {

/// One moment of a sale (PROTOCOL R17).
struct AuditReply {
  enum class Outcome : std::uint8_t { lost, too_long, ok } outcome = Outcome::lost;
  TimePoint now{};
  std::vector<ItemLevel> items;
  std::vector<PendingEntry> pending;
};
[[nodiscard]] Call<AuditReply> audit(const Fence& fence, std::int64_t log_entries_max);

}  // namespace flashsale::redis
