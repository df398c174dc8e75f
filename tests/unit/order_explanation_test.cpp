#include "flashsale/admin/order_explanation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "pulse_sale.hpp"

namespace flashsale::admin {
namespace {

using namespace std::chrono_literals;
using postgres::OrderMoment;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

Order order_of(OrderStatus status) {
  Order order;
  order.lines.push_back({11, 2});
  order.customer_id = "alice";
  order.status = status;
  order.created_at = catalog::kReading;
  return order;
}

Sale sale_with_sku() {
  Sale sale = catalog::open_sale(1);
  sale.id = "drop";
  sale.items[0].sku = "shoe";
  sale.items[0].price = {500, "EUR"};
  return sale;
}

OrderMoment moment(OrderMoment::Kind kind, std::chrono::milliseconds after) {
  OrderMoment made;
  made.kind = kind;
  made.at = catalog::kReading + after;
  return made;
}

TEST(OrderExplanationTest, AConfirmedOrder) {
  const Sale sale = sale_with_sku();
  const std::vector<OrderMoment> moments{moment(OrderMoment::Kind::accepted, 0ms),
                                         moment(OrderMoment::Kind::changed, 12ms)};
  EXPECT_THAT(explain_order(order_of(OrderStatus::confirmed), &sale, moments),
              ElementsAre(HasSubstr(" of alice in drop: 2 x shoe at 500 minor units of EUR, now confirmed"),
                          EndsWith("Z  Redis has taken its units: from here on the buyer has them"),
                          EndsWith("Z  confirmed for good, 12 ms after Redis had accepted it")));
}

TEST(OrderExplanationTest, APaymentThatCameTooLate) {
  auto order = order_of(OrderStatus::expired);
  order.refund_required = true;
  auto paid = moment(OrderMoment::Kind::paid, 61'500ms);
  paid.payment_id = "pay-1";
  paid.amount = {1000, "EUR"};
  paid.outcome = PaymentOutcome::refund_required;
  paid.settled_at = paid.at + 1500ms;
  const auto lines = explain_order(order, nullptr, std::vector{paid});
  EXPECT_THAT(lines[0], HasSubstr("2 x item 11, now expired, money has to go back"));
  EXPECT_THAT(lines[1], HasSubstr("payment pay-1 of 1000 minor units of EUR has succeeded: in the end it goes back"));
  EXPECT_THAT(lines[1], EndsWith("as decided 1.5 s later"));
  EXPECT_THAT(lines[2], StartsWith("its changes are not kept any more"));
}

TEST(OrderExplanationTest, WhyItEnded) {
  auto order = order_of(OrderStatus::cancelled);
  order.reason = "wrong size";
  order.generation = 1;
  auto cancelled = moment(OrderMoment::Kind::changed, 5s);
  cancelled.event = EventType::order_cancelled;
  cancelled.reason = "wrong size";
  const auto lines = explain_order(order, nullptr, std::vector{cancelled});
  EXPECT_THAT(lines[0], EndsWith("now cancelled (wrong size)"));
  EXPECT_THAT(lines[1], EndsWith("cancelled: wrong size; its units are free"));
  EXPECT_THAT(lines[2], HasSubstr("taken again 1 times"));
}

}  // namespace
}  // namespace flashsale::admin
