#pragma once
#include <chrono>
#include <cstdint>
#include <string_view>

#include "flashsale/redis/call.hpp"

namespace flashsale::redis {

enum class LeaseOutcome : std::uint8_t {
  refused,  ///< somebody else has it, or it was given back
  held,
};
/// Takes a short lease, keeps it, or (`duration` 0) gives it back. No promise rests on a lease.
[[nodiscard]] Call<LeaseOutcome> lease(std::string_view sale_id, std::string_view kind, std::string_view holder,
                                       std::chrono::milliseconds duration);

}  // namespace flashsale::redis
