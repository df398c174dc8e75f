#pragma once
#include <cstdint>
#include <string>

#include "flashsale/model/sale.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/redis/call.hpp"
#include "flashsale/redis/fence.hpp"
#include "flashsale/redis/order_record.hpp"

namespace flashsale::redis {

/// What a merchant changes of a sale that is served: state and times, and the stock of an item.

enum class ConfigureOutcome : std::uint8_t { lost, old, done };
[[nodiscard]] Call<ConfigureOutcome> configure(const Fence& fence, const Sale& sale);

enum class RestockOutcome : std::uint8_t { lost, old, gap, done };
/// `delta` < 0 only raises the version: its units were taken by withdraw.
[[nodiscard]] Call<RestockOutcome> restock(const Fence& fence, std::int32_t item_no, std::int64_t version,
                                           std::int64_t delta);

struct WithdrawReply {
  enum class Outcome : std::uint8_t { lost, late, repeated, reused, not_enough, done } outcome = Outcome::lost;
  std::int64_t remaining = 0;  ///< when not enough
  std::string entry_id;
};
[[nodiscard]] Call<WithdrawReply> withdraw(const Fence& fence, TimePoint deadline, const WithdrawalEntry& entry);

}  // namespace flashsale::redis
