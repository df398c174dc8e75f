#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/time.hpp"
#include "flashsale/redis/call.hpp"
#include "flashsale/redis/item_level.hpp"

namespace flashsale::redis {

struct PulseReply {
  bool lost = true;
  std::int64_t fence_epoch = 0;  ///< when lost: what the fence names, 0 if nothing
  std::string identity;
  std::int64_t version = 0;
  std::int64_t order_records = 0;
  std::int64_t log_entries = 0;
  std::optional<TimePoint> oldest_entry_at;  ///< to the millisecond
  bool items_unchanged = false;              ///< they are as the caller knows them, and `items` is empty
  std::vector<ItemLevel> items;              ///< in order of item_no
  TimePoint resting_until{};                 ///< after a rebuild; the epoch otherwise
  std::string postgres_identity;             ///< of the server that the sale was published from
  std::string items_state;                   ///< another one whenever an item has changed under this epoch
};
/// `known_items_state`: of an earlier reply under the same epoch, whose items the caller still has.
[[nodiscard]] Call<PulseReply> pulse(std::string_view sale_id, std::int64_t epoch,
                                     std::string_view known_items_state = {});

}  // namespace flashsale::redis
