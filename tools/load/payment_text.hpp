#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "flashsale/model/order_id.hpp"
#include "payment_message.hpp"
#include "webhook_signer.hpp"

namespace flashsale::load {

/// The payment provider's messages as text, signed when they are sent.
class PaymentText {
 public:
  PaymentText(WebhookSigner signer, std::string run_mark, const std::vector<std::string>& hosts);

  void append(std::string& out, std::size_t target, const PaymentMessage& message, const OrderId& order_id,
              std::int64_t unix_s) const;

 private:
  [[nodiscard]] std::string body_of(const PaymentMessage& message, const OrderId& order_id) const;

  WebhookSigner signer_;
  std::string run_mark_;
  std::vector<std::string> heads_;  ///< by target
};

}  // namespace flashsale::load
