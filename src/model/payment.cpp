#include "flashsale/model/payment.hpp"

#include <array>
#include <chrono>
#include <cstddef>

#include "flashsale/model/check.hpp"
#include "flashsale/model/order_total.hpp"

namespace flashsale {
namespace {

// In the order of the numbers.
constexpr std::array<std::string_view, 8> kNames{"waiting",         "late",    "confirmed", "failed",
                                                 "refund_required", "ignored", "not_ours",  "declined"};

}  // namespace

std::string_view to_string(PaymentOutcome outcome) {
  const auto index = static_cast<std::size_t>(outcome);
  FLASHSALE_CHECK(index < kNames.size());
  return kNames[index];
}

void set_first_status(Order& order, const Sale& sale) {
  const auto total = order_total(order.lines, sale);
  if (sale.payment == PaymentMode::none || (total && total->amount == 0)) {
    order.status = OrderStatus::confirmed;
    return;
  }
  order.status = OrderStatus::awaiting_payment;
  order.expires_at = order.created_at + std::chrono::seconds(sale.payment_window_s);
}

}  // namespace flashsale
