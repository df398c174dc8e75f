#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "flashsale/model/payment.hpp"

namespace flashsale::load {

/// One message of the payment provider, and what its answers have said. Each tells of a payment of its own; a message
/// that is sent again keeps its number.
struct PaymentMessage {
  std::uint32_t buyer = 0;
  std::uint32_t purchase = 0;
  std::uint32_t number = 0;  ///< of the run
  std::uint8_t units = 1;    ///< that the order has
  std::uint8_t attempts = 0;
  std::uint8_t heard = 0;  ///< what it was answered, a bit for each PaymentOutcome
  bool succeeds = true;
};

[[nodiscard]] constexpr std::uint8_t bit_of(PaymentOutcome outcome) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(outcome));
}

/// They carry the mark of the run, so that another one on the same stores makes payments of its own.
/// What all payments of a run begin with.
[[nodiscard]] std::string payment_id_prefix(std::string_view run_mark);
[[nodiscard]] std::string payment_id_of(std::string_view run_mark, std::uint32_t number);
[[nodiscard]] std::string webhook_id_of(std::string_view run_mark, std::uint32_t number);

}  // namespace flashsale::load
