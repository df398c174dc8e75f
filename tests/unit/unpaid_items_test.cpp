#include "catalog/unpaid_items.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace flashsale::catalog {
namespace {

using Items = std::vector<std::int32_t>;

TEST(UnpaidItemsTest, AnItemMayComeBackUntilAllOfItIsKnownToBePaid) {
  UnpaidItems items;
  EXPECT_TRUE(items.may_come_back(1));
  items.ask(Items{1, 2});
  EXPECT_THAT(items.asked(), ::testing::ElementsAre(1, 2));
  EXPECT_TRUE(items.may_come_back(1));
  items.answer(Items{1, 2}, Items{2});
  EXPECT_FALSE(items.may_come_back(1));
  EXPECT_TRUE(items.may_come_back(2));
}

TEST(UnpaidItemsTest, SoldOutOnceMoreIsANewQuestion) {
  UnpaidItems items;
  items.ask(Items{1});
  items.answer(Items{1}, Items{});
  EXPECT_FALSE(items.may_come_back(1));
  items.ask(Items{});
  items.ask(Items{1});
  EXPECT_TRUE(items.may_come_back(1));
}

TEST(UnpaidItemsTest, AnAnswerToAnOldQuestionSaysNothing) {
  UnpaidItems items;
  items.ask(Items{1});
  const auto asked = items.asked();
  items.ask(Items{});
  items.answer(asked, Items{});
  EXPECT_TRUE(items.may_come_back(1));
}

}  // namespace
}  // namespace flashsale::catalog
