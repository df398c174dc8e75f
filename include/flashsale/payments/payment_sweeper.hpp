#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "flashsale/catalog/upkeep.hpp"
#include "flashsale/payments/held.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/workers/periodic_thread.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::payments {

/// What has its time, on every instance: orders whose time to pay is over end and give their units back, and messages
/// of the provider that came before their order, or wait for its units, are settled (PROTOCOL R15, R16). One thread.
class PaymentSweeper {
 public:
  struct Options {
    postgres::Options postgres;
    redis::Options redis;
    /// Units of an unpaid order are to be back within a second of its time.
    std::chrono::milliseconds interval{200};
    /// A payment whose order does not come, or whose units do not, is refunded after this long.
    std::chrono::seconds patience{600};
    UnknownOrders unknown_orders = UnknownOrders::refund;
  };

  PaymentSweeper(Options options, catalog::Upkeep& upkeep, telemetry::Metrics& metrics);
  void start() { thread_.start(); }
  void stop() { thread_.stop(); }

 private:
  void pass();
  void expire();
  void expire(std::int32_t sale_no);
  [[nodiscard]] bool step_over_held_items(std::int32_t sale_no);
  void settle_open();
  enum class Left : std::uint8_t { none, some, unreachable };
  [[nodiscard]] Left settle_some(std::int32_t sale_no);
  [[nodiscard]] bool is_over() const;

  Options options_;
  catalog::Upkeep& upkeep_;
  telemetry::Metrics& metrics_;
  workers::Stores stores_;  ///< the thread's alone
  std::chrono::steady_clock::time_point settle_at_{};
  std::chrono::steady_clock::time_point settle_until_{};
  std::int32_t last_sale_ = 0;  ///< that the last pass came to; 0: from the first
  /// By sale, the message that the last look ended with; none: from the first. Of sales that have more.
  std::map<std::int32_t, std::string> settled_up_to_;
  /// What somebody has locked is let alone for a while: each try costs all others the wait.
  Held<std::int32_t> items_{std::chrono::seconds(2)};
  Held<postgres::PaymentKey> messages_{std::chrono::seconds(2)};

  workers::PeriodicThread thread_;  ///< the last: it ends before what it uses
};

}  // namespace flashsale::payments
