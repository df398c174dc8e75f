#include "catalog/drain_limits.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "flashsale/model/order_id.hpp"
#include "order_ids.hpp"
#include "pulse_sale.hpp"

namespace flashsale::catalog {
namespace {

using namespace std::chrono_literals;

constexpr std::int32_t kLimited = 11;  ///< to two units
constexpr std::int32_t kUnlimited = 12;

Sale sale_with_limit() {
  auto sale = open_sale(2);
  sale.items[0].limit_per_customer = 2;
  return sale;
}

Order order(const std::string& customer, const std::string& key, std::vector<OrderLine> lines,
            OrderStatus status = OrderStatus::confirmed) {
  Order order;
  order.id = sample::order_id(customer, key);
  for (const auto& line : lines) order.lines.push_back(line);
  order.customer_id = customer;
  order.status = status;
  order.created_at = kReading;
  return order;
}
Order units(const std::string& customer, const std::string& key, std::int32_t quantity,
            OrderStatus status = OrderStatus::confirmed) {
  return order(customer, key, {{kLimited, quantity}}, status);
}

/// Which of those that stand in the log, in their order, are taken beside the rows.
std::vector<bool> taken(const std::vector<Order>& rows, const std::vector<Order>& accepted) {
  std::vector<postgres::NewOrder> orders;
  for (const auto& one : accepted) orders.push_back({one, 4});
  refuse_above_limit(sale_with_limit(), rows, orders);
  std::vector<bool> result;
  for (const auto& one : orders) {
    EXPECT_EQ(one.order.reason, one.order.status == OrderStatus::rejected ? "limit_exceeded" : "");
    result.push_back(is_live(one.order.status));
  }
  return result;
}

using Taken = std::vector<bool>;

TEST(DrainLimitsTest, OrdersOfOneLogCountAgainstEachOtherInTheirOrder) {
  EXPECT_EQ(taken({}, {units("ann", "1", 1), units("ann", "2", 1), units("ann", "3", 1)}), (Taken{true, true, false}));
  EXPECT_EQ(taken({}, {units("ann", "1", 2), units("bob", "1", 2)}), (Taken{true, true}));
  EXPECT_EQ(taken({}, {units("ann", "1", 1), units("ann", "2", 2), units("ann", "3", 1)}), (Taken{true, false, true}));
}

TEST(DrainLimitsTest, LiveRowsCountAndFinalOnesDoNot) {
  EXPECT_EQ(taken({units("ann", "0", 2)}, {units("ann", "1", 1)}), Taken{false});
  EXPECT_EQ(taken({units("ann", "0", 2, OrderStatus::awaiting_payment)}, {units("ann", "1", 1)}), Taken{false});
  EXPECT_EQ(taken({units("ann", "0", 2, OrderStatus::cancelled)}, {units("ann", "1", 1)}), Taken{true});
  EXPECT_EQ(taken({units("bob", "0", 2)}, {units("ann", "1", 1)}), Taken{true});
}

TEST(DrainLimitsTest, AnOrderWithARowIsJudgedByItsRow) {
  EXPECT_EQ(taken({units("ann", "1", 2)}, {units("ann", "1", 2)}), Taken{true});
  EXPECT_EQ(taken({units("ann", "0", 2), units("ann", "1", 2, OrderStatus::cancelled)}, {units("ann", "1", 2)}),
            Taken{true});
}

TEST(DrainLimitsTest, ALaterTryOfARefusedKeyIsAnOrderOfItsOwn) {
  const auto refused = units("ann", "1", 1, OrderStatus::rejected);
  auto later = units("ann", "1", 1);
  later.created_at += 1us;
  EXPECT_EQ(taken({units("ann", "0", 2), refused}, {units("ann", "1", 1)}), Taken{true});
  EXPECT_EQ(taken({units("ann", "0", 2), refused}, {later}), Taken{false});
  EXPECT_EQ(taken({units("ann", "0", 1), refused}, {later}), Taken{true});
}

TEST(DrainLimitsTest, OfACartAllLinesOrNoneAreTaken) {
  const auto cart = order("ann", "1", {{kLimited, 1}, {kUnlimited, 9}});
  EXPECT_EQ(taken({}, {cart}), Taken{true});
  EXPECT_EQ(taken({units("ann", "0", 2)}, {cart, order("ann", "2", {{kUnlimited, 9}})}), (Taken{false, true}));
}

TEST(DrainLimitsTest, AsksForThoseWhoHaveOrderedLimitedItems) {
  const auto sale = sale_with_limit();
  const std::vector<postgres::NewOrder> orders{{units("bob", "1", 1), 4},
                                               {units("ann", "1", 1), 4},
                                               {units("ann", "2", 1), 4},
                                               {order("eve", "1", {{kUnlimited, 1}}), 4},
                                               {units(std::string("a\0b", 3), "1", 1), 4}};
  EXPECT_EQ(find_limited_customers(sale, orders),
            (std::map<std::string, OrderId>{{"ann", orders[1].order.id}, {"bob", orders[0].order.id}}));
}

TEST(DrainLimitsTest, ARetakeCountsBesideAllOthersOfItsCustomer) {
  const auto sale = sale_with_limit();
  const auto again = units("ann", "1", 1, OrderStatus::pending);
  const auto own_row = units("ann", "1", 1, OrderStatus::expired);
  EXPECT_TRUE(is_within_limit(sale, std::vector{own_row}, again));
  EXPECT_TRUE(is_within_limit(sale, std::vector{own_row, units("ann", "2", 1)}, again));
  EXPECT_FALSE(is_within_limit(sale, std::vector{own_row, units("ann", "2", 2)}, again));
  EXPECT_TRUE(is_within_limit(sale, std::vector{own_row, units("ann", "2", 2, OrderStatus::cancelled)}, again));
  // It was confirmed already: its own units are not counted twice.
  EXPECT_TRUE(is_within_limit(sale, std::vector{units("ann", "1", 1), units("ann", "2", 1)}, again));
  EXPECT_TRUE(is_within_limit(sale, std::vector{order("ann", "2", {{kUnlimited, 9}})}, again));
}

}  // namespace
}  // namespace flashsale::catalog
