#include "api/payment_notice.hpp"

#include <gtest/gtest.h>

#include <string>

#include "order_ids.hpp"

namespace flashsale::api {
namespace {

std::string notice(const std::string& type, const std::string& more) {
  return "{\"type\":\"payment." + type + "\",\"data\":{\"order_id\":\"" + sample::order_id("jane", "k", 7).to_string() +
         R"(","amount":5,"currency":"EUR","payment_id":"p")" + more + "}}";
}

TEST(PaymentNoticeTest, MayTellOfACard) {
  for (const char* type : {"succeeded", "failed"}) {
    const auto read = parse_payment_notice(notice(type, R"(,"card_fingerprint":"fp 1~")"));
    ASSERT_TRUE(read.event) << read.detail;
    EXPECT_EQ(read.card_fingerprint, "fp 1~");
    EXPECT_EQ(read.event->card_hash, "");
    EXPECT_EQ(parse_payment_notice(notice(type, "")).card_fingerprint, "");
  }
  const std::string longest(128, 'x');
  EXPECT_EQ(parse_payment_notice(notice("succeeded", ",\"card_fingerprint\":\"" + longest + "\"")).card_fingerprint,
            longest);
}

TEST(PaymentNoticeTest, APaymentWithoutACardMaySaySo) {
  const auto read = parse_payment_notice(notice("succeeded", R"(,"card_fingerprint":null)"));
  ASSERT_TRUE(read.event);
  EXPECT_EQ(read.card_fingerprint, "");
}

/// The money has come: a message that is refused is told again in vain until the order's time is over.
TEST(PaymentNoticeTest, NoPaymentIsRefusedForItsCard) {
  const std::string too_long = "\"" + std::string(129, 'x') + "\"";
  for (const std::string& bad :
       {std::string(R"("")"), std::string("7"), std::string("{}"), std::string(R"("a\n")"), std::string("\"\xc3\xbc\""),
        std::string(R"("\u007f")"), std::string(R"("\u0000")"), too_long}) {
    for (const char* type : {"succeeded", "failed"}) {
      const auto read = parse_payment_notice(notice(type, ",\"card_fingerprint\":" + bad));
      EXPECT_TRUE(read.event) << bad;
      EXPECT_EQ(read.card_fingerprint, "") << bad;
    }
  }
}

/// Nothing of it is kept, and to refuse it would only make the provider tell again.
TEST(PaymentNoticeTest, TheCardOfAnotherSystemsOrderIsNotLookedAt) {
  const auto read =
      parse_payment_notice(R"({"type":"payment.succeeded","data":{"order_id":"other-1","card_fingerprint":7}})");
  EXPECT_TRUE(read.foreign);
  EXPECT_EQ(read.card_fingerprint, "");
}

}  // namespace
}  // namespace flashsale::api
