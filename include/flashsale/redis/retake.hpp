#pragma once
#include <cstdint>
#include <string>

#include "flashsale/model/order.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/redis/call.hpp"
#include "flashsale/redis/fence.hpp"

namespace flashsale::redis {

struct RetakeTerms {
  TimePoint deadline{};  ///< on Redis's clock
  std::int64_t log_entries_max = 0;
};
struct RetakeReply {
  enum class Outcome : std::uint8_t {
    lost,
    late,
    full,      ///< the pending log: to be tried again
    held,      ///< what the row has has not been given back yet
    repeated,  ///< it is taken already
    sold_out,
    limit,
    done,
  };
  Outcome outcome = Outcome::lost;
  std::int32_t generation = 0;  ///< the new one, when done or repeated
  std::string entry_id;         ///< when done
};
/// Takes an ended order's units again; `row` as PostgreSQL has it (PROTOCOL R16).
[[nodiscard]] Call<RetakeReply> retake(const Fence& fence, const RetakeTerms& terms, const Order& row);

}  // namespace flashsale::redis
