#include "api/live_sale.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace flashsale::api {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

class LiveSaleTest : public ::testing::Test {
 protected:
  LiveSaleTest() {
    auto sale = std::make_shared<Sale>();
    sale->id = "drop";
    sale->name = "Drop";
    sale->state = SaleState::scheduled;
    sale->starts_at = TimePoint(seconds(1'000'010));
    sale->ends_at = TimePoint(seconds(1'000'100));
    for (const auto& [item_no, sku] : {std::pair{1, "shoe"}, std::pair{2, "cap"}}) {
      Item item;
      item.item_no = item_no;
      item.sku = sku;
      sale->items.push_back(item);
    }
    snapshot_.sale = sale;
    snapshot_.known_levels = true;
    snapshot_.levels.resize(2);
    snapshot_.levels[0].remaining = 5;
    snapshot_.clock.reading = TimePoint(seconds(1'000'000));
    snapshot_.clock.sent_at = snapshot_.clock.received_at = start_;
  }
  void look(seconds later = seconds(0), ShownStock shown = ShownStock::counts) {
    live_.look(snapshot_, shown, start_ + later);
  }

  catalog::SteadyTime start_ = std::chrono::steady_clock::now();
  catalog::SaleSnapshot snapshot_;
  LiveSale live_;
};

TEST_F(LiveSaleTest, TellsANewcomerOfEverything) {
  look();
  const auto state = *live_.state(start_);
  EXPECT_THAT(state, HasSubstr("event: state\ndata: {\"sale_id\":\"drop\",\"name\":\"Drop\",\"state\":\"scheduled\""));
  EXPECT_TRUE(state.ends_with("}\n\n"));
  EXPECT_EQ(*live_.stock_since(0),
            "event: stock\ndata: {\"sale_id\":\"drop\",\"items\":["
            "{\"sku\":\"shoe\",\"remaining\":5,\"availability\":\"available\"},"
            "{\"sku\":\"cap\",\"remaining\":0,\"availability\":\"sold_out\"}]}\n\n");
}

TEST_F(LiveSaleTest, TellsOthersOfWhatHasChangedByOneText) {
  look();
  const auto told = live_.stock_version();
  look();
  EXPECT_EQ(live_.stock_version(), told) << "nothing has changed";
  snapshot_.levels[0].remaining = 4;
  look();
  EXPECT_GT(live_.stock_version(), told);
  const auto frame = live_.stock_since(told);
  EXPECT_THAT(*frame, HasSubstr("\"items\":[{\"sku\":\"shoe\",\"remaining\":4,\"availability\":\"available\"}]"));
  EXPECT_EQ(live_.stock_since(told), frame) << "it is made once";
  snapshot_.levels[1].held = true;
  look();
  EXPECT_THAT(*live_.stock_since(told), HasSubstr("\"sku\":\"cap\",\"remaining\":0,\"availability\":\"held\""));
  EXPECT_THAT(*live_.stock_since(told), HasSubstr("\"sku\":\"shoe\"")) << "who missed one is told of both";
}

TEST_F(LiveSaleTest, OpensAndClosesByRedisClock) {
  look();
  const auto told = live_.state_version();
  look(seconds(9));
  EXPECT_EQ(live_.state_version(), told);
  look(seconds(10));
  EXPECT_NE(live_.state_version(), told);
  EXPECT_THAT(*live_.state(start_ + seconds(10)), HasSubstr("\"state\":\"open\""));
  EXPECT_THAT(*live_.state(start_ + seconds(10)), HasSubstr("\"now\":\"1970-01-12T13:46:50"));
  look(seconds(101));
  EXPECT_THAT(*live_.state(start_ + seconds(101)), HasSubstr("\"state\":\"closed\""));
}

TEST_F(LiveSaleTest, HidesCountsWhereTheShopDoes) {
  look(seconds(0), ShownStock::availability);
  EXPECT_THAT(*live_.stock_since(0), Not(HasSubstr("remaining")));
  const auto told = live_.stock_version();
  snapshot_.levels[0].remaining = 4;
  look(seconds(0), ShownStock::availability);
  EXPECT_EQ(live_.stock_version(), told);
  look();
  EXPECT_THAT(*live_.stock_since(told), HasSubstr("\"remaining\":4"));
}

TEST_F(LiveSaleTest, WhoWasToldLongAgoIsToldOfAll) {
  for (int remaining = 100; remaining > 0; --remaining) {
    snapshot_.levels[0].remaining = remaining;
    look();
  }
  for (std::uint64_t told = 1; told < 40; ++told) EXPECT_THAT(*live_.stock_since(told), HasSubstr("\"remaining\":1,"));
  EXPECT_THAT(*live_.stock_since(50), HasSubstr("\"sku\":\"cap\""));
}

}  // namespace
}  // namespace flashsale::api
