#include "flashsale/model/sale.hpp"

#include <gtest/gtest.h>

#include "flashsale/model/check.hpp"
#include "flashsale/model/order.hpp"

namespace flashsale {
namespace {

TEST(SaleTest, NamesRoundTrip) {
  for (const auto state : {SaleState::scheduled, SaleState::open, SaleState::paused, SaleState::closed}) {
    EXPECT_EQ(parse_sale_state(to_string(state)), state);
  }
  for (const auto mode : {PaymentMode::none, PaymentMode::required}) {
    EXPECT_EQ(parse_payment_mode(to_string(mode)), mode);
  }
  for (const char* bad : {"", "Open", "opened", " open"}) EXPECT_FALSE(parse_sale_state(bad)) << bad;
  EXPECT_FALSE(parse_payment_mode("optional"));
}

TEST(SaleTest, FindsItemsBySku) {
  Sale sale;
  sale.items.resize(2);
  sale.items[0].sku = "a";
  sale.items[1].sku = "b";
  EXPECT_EQ(sale.find_item("b"), &sale.items[1]);
  EXPECT_EQ(sale.find_item("c"), nullptr);
  EXPECT_EQ(sale.find_item(""), nullptr);
}

struct StateCase {
  SaleState state;
  SaleState before, during, after;
};

TEST(SaleTest, ClockOpensAndCloses) {
  using enum SaleState;
  const TimePoint starts = from_unix_us(1000);
  const TimePoint ends = from_unix_us(2000);
  for (const StateCase& c : {StateCase{scheduled, scheduled, open, closed}, StateCase{open, open, open, closed},
                             StateCase{paused, paused, paused, closed}, StateCase{closed, closed, closed, closed}}) {
    EXPECT_EQ(effective_state(c.state, starts, ends, from_unix_us(999)), c.before) << to_string(c.state);
    EXPECT_EQ(effective_state(c.state, starts, ends, from_unix_us(1000)), c.during) << to_string(c.state);
    EXPECT_EQ(effective_state(c.state, starts, ends, from_unix_us(1999)), c.during) << to_string(c.state);
    EXPECT_EQ(effective_state(c.state, starts, ends, from_unix_us(2000)), c.after) << to_string(c.state);
  }
}

TEST(OrderTest, StatusNamesAndNumbers) {
  // The numbers stand in PostgreSQL.
  EXPECT_EQ(static_cast<int>(OrderStatus::pending), 0);
  EXPECT_EQ(static_cast<int>(OrderStatus::confirmed), 1);
  EXPECT_EQ(static_cast<int>(OrderStatus::awaiting_payment), 2);
  EXPECT_EQ(static_cast<int>(OrderStatus::cancelled), 3);
  EXPECT_EQ(static_cast<int>(OrderStatus::expired), 4);
  EXPECT_EQ(static_cast<int>(OrderStatus::rejected), 5);
  for (int i = 0; i < 6; ++i) {
    const auto status = static_cast<OrderStatus>(i);
    EXPECT_EQ(parse_order_status(to_string(status)), status);
    EXPECT_EQ(is_live(status), i < 3);
  }
  EXPECT_EQ(to_string(OrderStatus::awaiting_payment), "awaiting_payment");
  EXPECT_FALSE(parse_order_status("paid"));
}

TEST(CheckDeathTest, ABrokenInvariantStopsTheProcess) {
  FLASHSALE_CHECK(1 + 1 == 2);
  EXPECT_DEATH(FLASHSALE_CHECK(1 + 1 == 3), "check failed: 1 \\+ 1 == 3 at .*sale_test.cpp:[0-9]+");
  EXPECT_DEATH(static_cast<void>(to_string(static_cast<OrderStatus>(17))), "check failed");
}

}  // namespace
}  // namespace flashsale
