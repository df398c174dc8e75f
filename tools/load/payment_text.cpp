#include "payment_text.hpp"

#include <utility>

#include "price.hpp"

namespace flashsale::load {

PaymentText::PaymentText(WebhookSigner signer, std::string run_mark, const std::vector<std::string>& hosts)
    : signer_(std::move(signer)), run_mark_(std::move(run_mark)) {
  for (const std::string& host : hosts) {
    heads_.push_back("POST /v1/webhooks/payments HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\n");
  }
}

std::string PaymentText::body_of(const PaymentMessage& message, const OrderId& order_id) const {
  return std::string(R"({"type":"payment.)") + (message.succeeds ? "succeeded" : "failed") +
         R"(","data":{"order_id":")" + order_id.to_string() + R"(","payment_id":")" +
         payment_id_of(run_mark_, message.number) + R"(","amount":)" + std::to_string(kUnitPrice * message.units) +
         R"(,"currency":")" + std::string(kCurrency) + R"("}})";
}

void PaymentText::append(std::string& out, std::size_t target, const PaymentMessage& message, const OrderId& order_id,
                         std::int64_t unix_s) const {
  const std::string body = body_of(message, order_id);
  out += heads_[target];
  signer_.append_fields(out, webhook_id_of(run_mark_, message.number), unix_s, body);
  out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
}

}  // namespace flashsale::load
