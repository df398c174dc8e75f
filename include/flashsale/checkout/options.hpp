#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace flashsale::checkout {

/// Of a checkout and its reservations.
struct Options {
  std::size_t reservation_batch_max = 128;
  unsigned reservation_batches_in_flight_max = 2;
  std::int64_t pending_log_entries_max = 20'000;
  std::chrono::milliseconds redis_timeout{1000};
  std::int64_t unpaid_orders_max = 0;  ///< as in redis::ReservationTerms
  std::chrono::seconds unpaid_pause{};
};

}  // namespace flashsale::checkout
