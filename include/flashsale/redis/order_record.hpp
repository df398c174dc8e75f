#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/order.hpp"

namespace flashsale::redis {

/// What an order's record in Redis says: state, moment, then the payload that the order was reserved with.
struct OrderRecord {
  bool held = false;     ///< false: released, refused, or a stock withdrawal
  bool refused = false;  ///< PostgreSQL had to refuse it: the key is free for another try
  bool withdrawal = false;
  TimePoint created_at{};
  OrderLines lines;
  std::string_view customer_id;  ///< into the text that was parsed
  std::int32_t generation = 0;   ///< how often the units were taken again (PROTOCOL R3)
};

/// Payload of an order: item number and quantity of its first line (32 bits each, little endian), length of the
/// customer id (16 bits) and the customer id. The highest bit of the quantity tells that other lines follow: their
/// number (8 bits), then item number and quantity of each. It stands in the record and in the pending log; it delimits
/// itself. Behind it stands the generation (16 bits), in a record only if it is not 0.
void append_order_payload(std::string& out, std::span<const OrderLine> lines, std::string_view customer_id);
[[nodiscard]] std::optional<OrderRecord> parse_order_record(std::string_view text);
[[nodiscard]] std::string make_order_record(const Order& order);

/// Of where orders come from, as identity::OriginHasher gives them.
using ClientHashes = std::map<OrderId, std::string>;
inline constexpr std::size_t kClientHashDigits = 32;

/// A stock withdrawal in the pending log.
struct WithdrawalEntry {
  OrderId change_id;
  std::int32_t item_no = 0;
  std::int64_t units = 0;
  std::string who;
};
[[nodiscard]] std::string withdrawal_payload(std::int32_t item_no, std::int64_t units, std::string_view who);

/// One entry of the pending log: the orders of one batch, or one that was taken again, or one withdrawal.
struct PendingEntry {
  std::string id;  ///< of the stream
  TimePoint created_at{};
  std::vector<Order> orders;
  bool is_retake = false;  ///< its one order has a row already, which is to be confirmed (PROTOCOL R16)
  std::optional<WithdrawalEntry> withdrawal;
  ClientHashes client_hashes{};  ///< of those of the orders that were accepted with one
};
/// Empty when the entry is not of our making (logged by the caller, left alone). `clients`: a hash for each of its
/// orders, one behind the other, `-` in the place of those that have none; empty: none has one.
[[nodiscard]] std::optional<PendingEntry> parse_pending_entry(std::string_view entry_id, std::string_view stamp,
                                                              std::string_view kind, std::string_view packed,
                                                              std::string_view clients = {});

}  // namespace flashsale::redis
