#include "catalog/known_sales.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/pulse_schedule.hpp"
#include "catalog/unpaid_items.hpp"
#include "pulse_sale.hpp"

namespace flashsale::catalog {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr ExpectedServers kServers{"redis", "postgres"};

class KnownSalesTest : public ::testing::Test {
 protected:
  /// One look at PostgreSQL, which finds these.
  void load(std::vector<Sale> found, bool is_whole = false) {
    postgres::DirectoryChanges changes;
    changes.version = ++version;
    changes.is_whole = is_whole;
    changes.sales = std::move(found);
    sales.adopt(changes);
  }
  static Sale sale_no(std::int32_t number, PaymentMode payment = PaymentMode::none) {
    auto sale = open_sale(2);
    sale.sale_no = number;
    sale.id = "sale-" + std::to_string(number);
    for (auto& item : sale.items) item.item_no += number * 100;
    sale.payment = payment;
    return sale;
  }
  UpkeepNeeds answer(KnownSale& known, const redis::PulseReply& reply) {
    return take_answer(known, reply, clock_at(kReading, now), kServers, unpaid);
  }

  SteadyTime now = std::chrono::steady_clock::now();
  KnownSales sales;
  UnpaidItems unpaid;
  std::int64_t version = 0;
};

TEST_F(KnownSalesTest, ASnapshotFindsSalesAndItems) {
  EXPECT_EQ(sales.snapshot().directory_version, -1);
  load({sale_no(2)});
  load({sale_no(1), sale_no(3)});
  const auto snapshot = sales.snapshot();
  EXPECT_EQ(snapshot.directory_version, 2);
  ASSERT_THAT(snapshot.sales, SizeIs(3));
  EXPECT_EQ(snapshot.find("sale-2")->sale->sale_no, 2);
  EXPECT_EQ(snapshot.find_item(312).sale->sale_no, 3);
  EXPECT_FALSE(snapshot.find("sale-4"));
}

TEST_F(KnownSalesTest, WhatIsNotInAWholeDirectoryHasGone) {
  load({sale_no(1), sale_no(2)});
  load({sale_no(2)}, true);
  EXPECT_FALSE(sales.snapshot().find("sale-1"));
  EXPECT_TRUE(sales.snapshot().find("sale-2"));
}

TEST_F(KnownSalesTest, ANewDefinitionKeepsTheLevelsAndIsAskedAboutAtOnce) {
  auto definition = sale_no(1);
  definition.state = SaleState::closed;
  load({definition});
  auto* known = sales.take_due(now, kReading).at(0);
  answer(*known, reply_for(definition));
  ASSERT_THAT(sales.take_due(now, kReading), SizeIs(1));
  EXPECT_TRUE(known->is_quiet);
  EXPECT_THAT(sales.take_due(now + kQuietInterval - 1ms, kReading), IsEmpty());
  definition.version += 1;
  load({definition});
  EXPECT_THAT(sales.take_due(now + kQuietInterval - 1ms, kReading), SizeIs(1));
  EXPECT_TRUE(known->last->serving);
  EXPECT_EQ(known->last->levels.at(1).remaining, 100);
}

TEST_F(KnownSalesTest, ASaleOfANewEpochIsNotServedUntilRedisSaysSo) {
  auto definition = sale_no(1);
  load({definition});
  auto* known = sales.take_due(now, kReading).at(0);
  answer(*known, reply_for(definition));
  definition.epoch += 1;
  load({definition});
  EXPECT_FALSE(known->last->serving);
  EXPECT_EQ(answer(*known, reply_for(definition)), UpkeepNeeds{});
  EXPECT_TRUE(known->last->serving);
}

TEST_F(KnownSalesTest, ASaleThatWasLetGoIsShownAsStoredAndNotAskedAbout) {
  auto definition = sale_no(1);
  load({definition});
  answer(*sales.take_due(now, kReading).at(0), reply_for(definition));
  definition.let_go = true;
  load({definition});
  EXPECT_THAT(sales.take_due(now + 1h, kReading), IsEmpty());
  const auto shown = sales.snapshot().find("sale-1");
  EXPECT_FALSE(shown->serving);
  EXPECT_FALSE(shown->known_levels);
  EXPECT_TRUE(shown->is_quiet);
}

TEST_F(KnownSalesTest, ItemsThatStandStillAreLeftOutForASecond) {
  load({sale_no(1)});
  auto* known = sales.take_due(now, kReading).at(0);
  EXPECT_EQ(items_state_to_ask_with(*known, now), "") << "never seen";
  answer(*known, reply_for(known->sale()));
  EXPECT_EQ(items_state_to_ask_with(*known, now + 100ms), "0:0:1");
  EXPECT_EQ(items_state_to_ask_with(*known, now + kAllItemsInterval), "");
  EXPECT_EQ(items_state_to_ask_with(*known, now + kAllItemsInterval + 100ms), "0:0:1");
  answer(*known, {});
  EXPECT_EQ(items_state_to_ask_with(*known, now + kAllItemsInterval + 200ms), "") << "lost";
}

TEST_F(KnownSalesTest, SoldOutItemsOfSalesWithPaymentAreAskedAbout) {
  load({sale_no(1), sale_no(2, PaymentMode::required), sale_no(3, PaymentMode::required)});
  EXPECT_THAT(sales.sold_out_items(), IsEmpty()) << "nothing was told of them yet";
  for (auto* known : sales.take_due(now, kReading)) {
    auto reply = reply_for(known->sale());
    if (known->sale().sale_no < 3) reply.items.at(1).remaining = 0;
    answer(*known, reply);
  }
  EXPECT_THAT(sales.sold_out_items(), ElementsAre(postgres::ItemOfSale{2, 212}));
}

TEST_F(KnownSalesTest, MarksThatWereLoadedAreShownWithTheNextAnswer) {
  load({sale_no(1)});
  auto* known = sales.take_due(now, kReading).at(0);
  auto reply = reply_for(known->sale());
  reply.items.at(0).remaining = 0;
  EXPECT_TRUE(answer(*known, reply).load_marks);
  const auto ids = std::make_shared<const OrderIdSet>(std::vector<std::uint64_t>{1});
  sales.adopt(SoldOutMarks{1, 3, ids, {{111, {7, 0}}}});
  sales.adopt(SoldOutMarks{9, 3, ids, {{911, {7, 0}}}});
  EXPECT_FALSE(answer(*known, reply).load_marks);
  EXPECT_EQ(known->last->levels.at(0).sold_out_ids, ids);
  EXPECT_FALSE(known->last->levels.at(1).sold_out_ids);
}

}  // namespace
}  // namespace flashsale::catalog
