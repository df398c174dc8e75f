#include "catalog/pulse_answer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "pulse_sale.hpp"

namespace flashsale::catalog {
namespace {

using namespace std::chrono_literals;

constexpr ExpectedServers kServers{"redis", "postgres"};

class PulseAnswerTest : public ::testing::Test {
 protected:
  /// What the sale with these items shows when Redis has those.
  SaleSnapshot answered(std::size_t item_count, std::vector<std::int32_t> item_nos) {
    auto sale = served(open_sale(item_count));
    auto reply = reply_for(*sale.sale);
    reply.items.clear();
    for (const auto item_no : item_nos) reply.items.push_back({item_no, item_no * 10, 8, 3, {}});
    apply_answer(sale, reply, sale.clock, kServers);
    return sale;
  }
};

TEST_F(PulseAnswerTest, LevelsAreThoseOfTheReply) {
  const auto sale = answered(2, {11, 12});
  EXPECT_TRUE(sale.serving);
  EXPECT_EQ(sale.levels[0].remaining, 110);
  EXPECT_EQ(sale.levels[1].remaining, 120);
  EXPECT_EQ(sale.levels[1].version, 8);
  EXPECT_EQ(sale.levels[1].stock_version, 3);
}

TEST_F(PulseAnswerTest, ASaleWithAnItemThatRedisHasLostIsNotServed) {
  for (const auto& left :
       std::vector<std::vector<std::int32_t>>{{}, {11}, {11, 12}, {11, 13}, {12, 13}, {10, 11, 14}}) {
    SCOPED_TRACE(::testing::PrintToString(left));
    EXPECT_FALSE(answered(3, left).serving);
  }
}

TEST_F(PulseAnswerTest, AnItemThatTheDirectoryDoesNotKnowYetIsPassedOver) {
  const auto sale = answered(2, {10, 11, 12, 13});
  EXPECT_TRUE(sale.serving);
  EXPECT_EQ(sale.levels[0].remaining, 110);
  EXPECT_EQ(sale.levels[1].remaining, 120);
}

TEST_F(PulseAnswerTest, ItemsThatStandStillStayAsTheyWere) {
  auto sale = served(open_sale(1));
  sale.levels[0].sold_out_ids = std::make_shared<const OrderIdSet>(std::vector<std::uint64_t>{});
  auto reply = reply_for(*sale.sale);
  reply.items.clear();
  reply.items_unchanged = true;
  reply.order_records = 4;
  apply_answer(sale, reply, sale.clock, kServers);
  EXPECT_TRUE(sale.serving);
  EXPECT_EQ(sale.levels[0].remaining, 100);
  EXPECT_EQ(sale.order_records, 4);
  EXPECT_FALSE(sale.levels[0].sold_out_ids) << "marks are attached anew";
}

TEST_F(PulseAnswerTest, WhatIsNotServedKeepsWhatWasLastSeen) {
  for (const auto* lost : {"fence", "redis", "postgres"}) {
    SCOPED_TRACE(lost);
    auto sale = served(open_sale(1));
    sale.order_records = 9;
    auto reply = reply_for(*sale.sale);
    reply.items[0].remaining = 1;
    if (std::string_view(lost) == "fence") reply.lost = true;
    const ExpectedServers servers{std::string_view(lost) == "redis" ? "other" : "redis",
                                  std::string_view(lost) == "postgres" ? "other" : "postgres"};
    apply_answer(sale, reply, clock_at(kReading + 1s, sale.clock.sent_at + 1s), servers);
    EXPECT_FALSE(sale.serving);
    EXPECT_EQ(sale.levels[0].remaining, 100);
    EXPECT_EQ(sale.order_records, 9);
    EXPECT_EQ(sale.clock.reading, kReading + 1s);
  }
}

TEST_F(PulseAnswerTest, APostgresThatIsNotKnownYetIsNotCompared) {
  auto sale = served(open_sale(1));
  apply_answer(sale, reply_for(*sale.sale), sale.clock, {"redis", ""});
  EXPECT_TRUE(sale.serving);
}

}  // namespace
}  // namespace flashsale::catalog
