#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace flashsale::redis {

/// The keys of a sale. All carry the hash tag {sale_id}, so that a Redis Cluster keeps them on one shard, and all but
/// the fence carry the epoch, so that a late call cannot meet a newer epoch (PROTOCOL R2).
struct SaleKeys {
  SaleKeys(std::string_view sale_id, std::int64_t epoch);

  std::string fence;
  std::string items;   ///< hash: <item_no>:r remaining, :v version, :o sellable from, :l limit, :s stock version
  std::string orders;  ///< hash: order id (16 bytes) → record
  std::string buyers;  ///< hash: units field → live units, customer field → orders placed
  std::string log;     ///< stream: the pending log
};

/// Key of a short lease, of one kind of work on one sale.
[[nodiscard]] std::string lease_key(std::string_view sale_id, std::string_view kind);

/// Field of `buyers` for what a customer has of an item.
[[nodiscard]] std::string units_field(std::int32_t item_no, std::string_view customer_id);

/// Field of `buyers` for all orders of a customer: no units field, since those begin with a digit.
[[nodiscard]] std::string customer_field(std::string_view customer_id);

/// The key that every instance's pulse compares with the directory version in PostgreSQL.
inline constexpr std::string_view kDirectoryKey = "fs:directory";
/// How far the WAL of the PostgreSQL server with the identity that follows has come: behind that it was restored from a
/// backup. What another server knows (a standby that was promoted, an old primary that lives on) says nothing of it.
inline constexpr std::string_view kWalKeyPrefix = "fs:wal:";
inline constexpr std::string_view kMarkKeyPrefix = "fs:mark:";

}  // namespace flashsale::redis
