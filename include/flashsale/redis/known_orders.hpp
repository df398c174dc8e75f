#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/redis/call.hpp"
#include "flashsale/redis/fence.hpp"

namespace flashsale::redis {

/// Questions about the records of orders, and the one change that they see besides those of an order's life.

/// Of one call of find_orders or rename_customer.
inline constexpr std::size_t kFindAtOnce = 256;

struct FindReply {
  bool lost = true;
  std::vector<std::optional<std::string>> records;  ///< in the order of the ids; empty: there is surely none
};
/// At most kFindAtOnce ids.
[[nodiscard]] Call<FindReply> find_orders(const Fence& fence, std::span<const OrderId> ids);

enum class RenameOutcome : std::uint8_t { lost, done };
/// Puts the pseudonym in the place of the customer of these orders, at most kFindAtOnce.
[[nodiscard]] Call<RenameOutcome> rename_customer(const Fence& fence, std::string_view pseudonym,
                                                  std::span<const OrderId> ids);

/// Order ids of a sale, page by page (HSCAN): 64-bit hashes for the sold-out mark.
struct OrderHashes {
  std::vector<std::uint64_t> hashes;
  std::string next_cursor;  ///< "0": that was the last page
};
/// `cursor`: "0" for the first page.
[[nodiscard]] Call<OrderHashes> scan_orders(std::string_view sale_id, std::int64_t epoch, std::string_view cursor);

}  // namespace flashsale::redis
