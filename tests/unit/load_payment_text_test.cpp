#include "load/payment_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "load/buyers.hpp"
#include "order_ids.hpp"

namespace flashsale::load {
namespace {

// The example that Standard Webhooks and its libraries are tested with.
const std::string kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

TEST(LoadWebhookSignerTest, SignsTheKnownExample) {
  std::string fields;
  WebhookSigner::parse(kSecret)->append_fields(fields, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                               R"({"test": 2432232314})");
  EXPECT_EQ(fields,
            "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\r\nwebhook-timestamp: 1614265330\r\n"
            "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\n");
}

TEST(LoadWebhookSignerTest, TakesASecretOfTheRightForm) {
  EXPECT_TRUE(WebhookSigner::parse("whsec_" + std::string(32, 'A')));
  for (const std::string& text :
       {std::string(), std::string("whsec_"), std::string(32, 'A'), "whsec_" + std::string(28, 'A'),
        "whsec_" + std::string(33, 'A'), "whsec_" + std::string(32, '*'), "whsec_" + std::string(88, 'A')}) {
    EXPECT_FALSE(WebhookSigner::parse(text)) << text;
  }
}

TEST(LoadPaymentTextTest, WritesAWholeRequest) {
  const PaymentText text(*WebhookSigner::parse(kSecret), "run", {"a:1", "b:2"});
  const OrderId order = expected_order_id({sample::kSalt, sample::kSaleNo}, "run", 1, 0);
  PaymentMessage message;
  message.number = 7;
  message.succeeds = false;
  std::string request;
  text.append(request, 1, message, order, 5);
  EXPECT_TRUE(request.starts_with("POST /v1/webhooks/payments HTTP/1.1\r\nHost: b:2\r\n"));
  EXPECT_NE(request.find("\r\nwebhook-id: msg-run-7\r\n"), std::string::npos);
  const std::string body = request.substr(request.find("\r\n\r\n") + 4);
  EXPECT_NE(request.find("\r\nContent-Length: " + std::to_string(body.size()) + "\r\n"), std::string::npos);
  const auto json = nlohmann::json::parse(body);
  EXPECT_EQ(json.at("type"), "payment.failed");
  EXPECT_EQ(json.at("data").at("order_id"), order.to_string());
  EXPECT_EQ(json.at("data").at("payment_id"), "pay-run-7");
}

}  // namespace
}  // namespace flashsale::load
