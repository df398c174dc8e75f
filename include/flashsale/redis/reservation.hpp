#pragma once
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/redis/call.hpp"
#include "flashsale/redis/fence.hpp"

namespace flashsale::redis {

enum class Decision : std::uint8_t {
  accepted,
  replay,
  sold_out,
  limit,
  order_limit,   ///< the customer has placed as many orders as the sale takes of one
  unpaid_pause,  ///< the customer's last orders were left unpaid
  not_open,
  unknown_item,
  log_full,
  resting,   ///< the sale was rebuilt a moment ago: nothing is decided yet
  too_late,  ///< to be reserved again
  no_order,  ///< replays only: the key has none, and nothing was taken
};

struct ReservationRequest {
  OrderId id;
  std::span<const OrderLine> lines;  ///< at least one
  std::string_view customer_id;
  /// Stands in the pending log beside it, for whoever writes it in this process's place; empty: not told.
  std::string_view client_hash{};
};
struct ReservationReply {
  enum class Outcome : std::uint8_t { decided, lost, late } outcome = Outcome::lost;
  TimePoint now{};
  std::string entry_id;              ///< of the pending log; empty if nothing was accepted
  std::vector<Decision> decisions;   ///< in the order of the requests
  std::vector<std::string> records;  ///< of the replays, in order
};
struct ReservationTerms {
  TimePoint deadline{};              ///< on Redis's clock
  std::int64_t log_entries_max = 0;  ///< of the sale's pending log
  /// Accepted under an older epoch: reserved again while the sale rests, or not at all.
  bool reserves_again = false;
  std::int64_t unpaid_orders_max = 0;  ///< of one customer, after which the next wait; 0: any number
  std::chrono::microseconds unpaid_pause{};
  /// With reserves_again: that was not the epoch just before, so only what the key made since counts.
  bool too_late = false;
  /// An order that is there is answered as ever, and nothing new is taken (PROTOCOL R9: whoever refuses for a reason of
  /// their own asks so first). Not with reserves_again.
  bool replay_only = false;
};
/// Ids in a batch must be distinct.
[[nodiscard]] Call<ReservationReply> reserve(const Fence& fence, const ReservationTerms& terms,
                                             std::span<const ReservationRequest> requests);

}  // namespace flashsale::redis
