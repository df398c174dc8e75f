#include "catalog/unpaid_items.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace flashsale::catalog {
namespace {

using Items = std::vector<std::int32_t>;
using SoldOut = std::vector<postgres::ItemOfSale>;

TEST(UnpaidItemsTest, AnItemMayComeBackUntilAllOfItIsKnownToBePaid) {
  UnpaidItems items;
  EXPECT_TRUE(items.may_come_back(1));
  items.ask(SoldOut{{7, 1}, {7, 2}, {8, 3}});
  EXPECT_EQ(items.asked(), (SoldOut{{7, 1}, {7, 2}, {8, 3}}));
  EXPECT_TRUE(items.may_come_back(1));
  items.answer(SoldOut{{7, 1}, {7, 2}}, Items{2});
  EXPECT_FALSE(items.may_come_back(1));
  EXPECT_TRUE(items.may_come_back(2));
}

TEST(UnpaidItemsTest, SoldOutOnceMoreIsANewQuestion) {
  UnpaidItems items;
  items.ask(SoldOut{{7, 1}});
  items.answer(SoldOut{{7, 1}}, Items{});
  EXPECT_FALSE(items.may_come_back(1));
  items.ask(SoldOut{});
  items.ask(SoldOut{{7, 1}});
  EXPECT_TRUE(items.may_come_back(1));
}

TEST(UnpaidItemsTest, AnAnswerToAnOldQuestionSaysNothing) {
  UnpaidItems items;
  items.ask(SoldOut{{7, 1}});
  const auto asked = items.asked();
  items.ask(SoldOut{});
  items.answer(asked, Items{});
  EXPECT_TRUE(items.may_come_back(1));
}

}  // namespace
}  // namespace flashsale::catalog
