#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/redis/call.hpp"

namespace flashsale::redis {

/// What a rebuild does in Redis, in this order (PROTOCOL R1, R2); `src/redis/lua` documents each step.

struct CloseFenceReply {
  bool superseded = false;
  std::int64_t published_epoch = 0;
};
[[nodiscard]] Call<CloseFenceReply> close_fence(std::string_view sale_id, std::int64_t epoch);

/// Entries of the pending log of an epoch; 0 also where there is none.
[[nodiscard]] Call<std::int64_t> log_length(std::string_view sale_id, std::int64_t epoch);

/// `superseded`: the fence is not closed for this epoch.
enum class LoadOutcome : std::uint8_t { superseded, loaded };
/// Deletes what older epochs have left, whose logs the rebuild of `epoch` has drained; answered as a load is.
[[nodiscard]] Call<LoadOutcome> clear(std::string_view sale_id, std::int64_t epoch,
                                      std::span<const std::int64_t> old_epochs);
/// Loads order records and buyers' totals under the epoch's keys, before publish; as many calls as it takes.
[[nodiscard]] std::vector<Call<LoadOutcome>> load(std::string_view sale_id, std::int64_t epoch,
                                                  std::span<const Order> orders);

/// What was loaded under the epoch's keys.
struct Loaded {
  std::int64_t orders = 0;
  TimePoint newest_at{};  ///< when the last of them was accepted
};
/// `incomplete`: what was loaded is not all there.
enum class PublishOutcome : std::uint8_t { superseded, incomplete, published };
/// `sale.epoch` is the new one; remaining = stock - sold.
[[nodiscard]] Call<PublishOutcome> publish(const Sale& sale, const Loaded& loaded, std::string_view identity,
                                           std::string_view postgres_identity);

/// Deletes the keys of an epoch. How many there were.
[[nodiscard]] Call<std::int64_t> forget_epoch(std::string_view sale_id, std::int64_t epoch);
/// Deletes all keys of a sale that is served no more.
[[nodiscard]] Call<std::int64_t> forget_sale(std::string_view sale_id, std::int64_t epoch);

}  // namespace flashsale::redis
