#include "flashsale/model/order_json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flashsale {
namespace {

/// To the byte: answers are compared and kept by those who get them.
class OrderJsonTest : public testing::Test {
 protected:
  OrderJsonTest() {
    sale_.id = "drop";
    sale_.items = {{.item_no = 7, .sku = "sneaker-42", .name = {}, .price = {12'999, "EUR"}},
                   {.item_no = 9, .sku = "laces", .name = {}, .price = {499, "EUR"}}};
    order_.id = *OrderId::parse("5a2c7c8e-54d4-5f0e-9d0b-3a0d6f3b7a11");
    order_.customer_id = "al\"ice";
    order_.lines = {{7, 3}};
    order_.status = OrderStatus::confirmed;
    order_.created_at = *parse_rfc3339("2026-11-27T17:00:00.412345Z");
  }
  [[nodiscard]] std::string shown_to(OrderAudience audience) const {
    std::string out;
    EXPECT_TRUE(append_order(out, order_, sale_, audience));
    return out;
  }

  Sale sale_;
  Order order_;
};

TEST_F(OrderJsonTest, OneLineStandsInFrontToo) {
  EXPECT_EQ(shown_to(OrderAudience::buyer),
            R"({"id":"5a2c7c8e-54d4-5f0e-9d0b-3a0d6f3b7a11","sale_id":"drop",)"
            R"("sku":"sneaker-42","quantity":3,"unit_price":{"amount":12999,"currency":"EUR"},)"
            R"("lines":[{"sku":"sneaker-42","quantity":3,"unit_price":{"amount":12999,"currency":"EUR"}}],)"
            R"("total":{"amount":38997,"currency":"EUR"},"status":"confirmed",)"
            R"("created_at":"2026-11-27T17:00:00.412345Z"})");
}

TEST_F(OrderJsonTest, ACartHasItsLinesAndWhatOnlySomeOrdersHave) {
  sale_.rehearsal = true;
  order_.lines = {{7, 1}, {9, 2}};
  order_.status = OrderStatus::awaiting_payment;
  order_.expires_at = *parse_rfc3339("2026-11-27T17:10:00Z");
  order_.refund_required = true;
  EXPECT_EQ(shown_to(OrderAudience::admin),
            R"({"id":"5a2c7c8e-54d4-5f0e-9d0b-3a0d6f3b7a11","sale_id":"drop","rehearsal":true,)"
            R"("customer_id":"al\"ice",)"
            R"("lines":[{"sku":"sneaker-42","quantity":1,"unit_price":{"amount":12999,"currency":"EUR"}},)"
            R"({"sku":"laces","quantity":2,"unit_price":{"amount":499,"currency":"EUR"}}],)"
            R"("total":{"amount":13997,"currency":"EUR"},"status":"awaiting_payment",)"
            R"("created_at":"2026-11-27T17:00:00.412345Z","expires_at":"2026-11-27T17:10:00.000000Z",)"
            R"("refund_required":true})");
}

TEST_F(OrderJsonTest, WhyItWasCancelledIsForSupportWhyItWasRefusedForAll) {
  order_.reason = "called us";
  order_.status = OrderStatus::cancelled;
  EXPECT_TRUE(shown_to(OrderAudience::admin).ends_with(R"(,"reason":"called us"})"));
  EXPECT_EQ(shown_to(OrderAudience::buyer).find("reason"), std::string::npos);
  order_.status = OrderStatus::rejected;
  EXPECT_TRUE(shown_to(OrderAudience::buyer).ends_with(R"(,"reason":"called us"})"));
}

TEST_F(OrderJsonTest, AnItemThatTheSaleDoesNotHaveIsTold) {
  std::string out;
  order_.lines = {{8, 1}};
  EXPECT_FALSE(append_order(out, order_, sale_, OrderAudience::buyer));
  order_.lines = {{7, 1}, {8, 1}};
  EXPECT_FALSE(append_order(out, order_, sale_, OrderAudience::buyer));
}

}  // namespace
}  // namespace flashsale
