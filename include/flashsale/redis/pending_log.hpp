#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/redis/call.hpp"
#include "flashsale/redis/order_record.hpp"

namespace flashsale::redis {

/// A page of the pending log of a sale.
struct PendingPage {
  std::vector<PendingEntry> entries;
  std::size_t unreadable = 0;  ///< entries that cannot be read are counted, and left where they are
  std::size_t size = 0;        ///< of all
  std::string last_id;         ///< of all; behind it the next page begins
};
/// The oldest entries after `after` (exclusive; empty: from the start).
[[nodiscard]] Call<PendingPage> pending(std::string_view sale_id, std::int64_t epoch, std::string_view after,
                                        std::int64_t count);
/// The same for one entry: it alone, or nothing when it is gone.
[[nodiscard]] Call<PendingPage> pending_entry(std::string_view sale_id, std::int64_t epoch, std::string_view entry_id);

/// Deletes exact entries of the pending log; harmless when they are gone (PROTOCOL R13). How many there were.
[[nodiscard]] Call<std::int64_t> trim(std::string_view sale_id, std::int64_t epoch,
                                      std::span<const std::string> entry_ids);

}  // namespace flashsale::redis
