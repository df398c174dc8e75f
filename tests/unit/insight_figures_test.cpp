#include "flashsale/insight/figures.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flashsale/insight/report.hpp"
#include "flashsale/insight/state.hpp"

namespace flashsale::insight {
namespace {

constexpr std::int64_t kStartS = 1'800'000'000;

TimePoint at_s(std::int64_t seconds) { return TimePoint{std::chrono::seconds{kStartS + seconds}}; }

/// Makes events whose positions go up by one.
class Feed {
 public:
  FeedEvent order(const std::string& id, std::int64_t change_no, EventType type, std::int64_t second,
                  std::vector<FeedLine> lines = {{"shoe", 2, {1000, "EUR"}}}) {
    FeedEvent event{.position = ++position_, .type = type, .at = at_s(second), .subject = id};
    event.change_no = change_no;
    event.sale_id = "drop";
    event.customer_id = "buyer-" + id;
    event.lines = std::move(lines);
    return event;
  }
  FeedEvent sale(const std::string& id, std::int64_t stock) {
    FeedEvent event{.position = ++position_, .type = EventType::sale_opened, .at = at_s(0), .subject = id};
    event.sale_id = id;
    event.stock = {{"shoe", stock, "EUR"}};
    return event;
  }

 private:
  std::int64_t position_ = 0;
};

const SeriesKey kSale{"drop", "", "EUR"};
const SeriesKey kShoe{"drop", "shoe", "EUR"};

Amounts now_of(const Figures& figures, const SeriesKey& key, OrderStatus status) {
  const auto series = figures.series().find(key);
  if (series == figures.series().end()) return {};
  const auto found = series->second.by_status.find(status);
  return found == series->second.by_status.end() ? Amounts{} : found->second;
}

TEST(InsightFiguresTest, AnOrderStandsUnderTheStatusThatItHasNow) {
  Feed feed;
  Figures figures;
  figures.take(feed.order("a", 1, EventType::order_awaiting_payment, 1));
  EXPECT_EQ(now_of(figures, kSale, OrderStatus::awaiting_payment), (Amounts{1, 2, 2000}));
  figures.take(feed.order("a", 2, EventType::order_confirmed, 2));
  EXPECT_EQ(now_of(figures, kSale, OrderStatus::awaiting_payment), (Amounts{}));
  EXPECT_EQ(now_of(figures, kSale, OrderStatus::confirmed), (Amounts{1, 2, 2000}));
  figures.take(feed.order("a", 3, EventType::order_cancelled, 3));
  EXPECT_EQ(now_of(figures, kSale, OrderStatus::confirmed), (Amounts{}));
  EXPECT_EQ(now_of(figures, kSale, OrderStatus::cancelled), (Amounts{1, 2, 2000}));
}

TEST(InsightFiguresTest, WhatHasEndedUnpaidCanStillBeBought) {
  Feed feed;
  Figures figures;
  for (const auto ended : {EventType::order_expired, EventType::order_cancelled}) {
    const std::string id(to_string(ended));
    figures.take(feed.order(id, 1, EventType::order_awaiting_payment, 1));
    figures.take(feed.order(id, 2, ended, 2));
    figures.take(feed.order(id, 3, EventType::order_confirmed, 3));
  }
  figures.take(feed.order("again", 1, EventType::order_rejected, 4));
  figures.take(feed.order("again", 2, EventType::order_confirmed, 5));
  EXPECT_EQ(now_of(figures, kSale, OrderStatus::confirmed).orders, 3);
  for (const auto status : {OrderStatus::expired, OrderStatus::cancelled, OrderStatus::rejected})
    EXPECT_EQ(now_of(figures, kSale, status), (Amounts{}));
  EXPECT_EQ(figures.counts().unknown, 0);
}

TEST(InsightFiguresTest, AnOrderThatWasCancelledBeforeItWasWrittenTookNothing) {
  Feed feed;
  Figures figures;
  figures.take(feed.order("a", 1, EventType::order_cancelled, 1));
  EXPECT_EQ(now_of(figures, kSale, OrderStatus::cancelled).orders, 1);
  EXPECT_EQ(now_of(figures, kSale, OrderStatus::confirmed), (Amounts{}));
  EXPECT_EQ(figures.windows().last(kSale, 60, at_s(10)).returned_units, 0);
}

TEST(InsightFiguresTest, ACartCountsOnceInItsSaleAndOnceInEachItem) {
  Feed feed;
  Figures figures;
  figures.take(
      feed.order("a", 1, EventType::order_confirmed, 1, {{"shoe", 2, {1000, "EUR"}}, {"hat", 1, {50, "EUR"}}}));
  EXPECT_EQ(now_of(figures, kSale, OrderStatus::confirmed), (Amounts{1, 3, 2050}));
  EXPECT_EQ(now_of(figures, kShoe, OrderStatus::confirmed), (Amounts{1, 2, 2000}));
  EXPECT_EQ(now_of(figures, {"drop", "hat", "EUR"}, OrderStatus::confirmed), (Amounts{1, 1, 50}));
}

TEST(InsightFiguresTest, WhatComesAgainCountsOnce) {
  Feed feed;
  Figures figures;
  const FeedPage page{
      {feed.order("a", 1, EventType::order_confirmed, 1), feed.order("b", 1, EventType::order_confirmed, 1)}, 2, 0};
  figures.take(page);
  figures.take(page);
  EXPECT_EQ(now_of(figures, kSale, OrderStatus::confirmed).orders, 2);
  EXPECT_EQ(figures.counts().repeated, 2);
  EXPECT_EQ(figures.position(), 2);
  EXPECT_TRUE(figures.is_whole());
}

TEST(InsightFiguresTest, WhoBeginsInTheMiddleIsNotWhole) {
  Feed feed;
  Figures figures;
  figures.begin_after(5);
  for (int i = 0; i < 5; ++i) figures.take(feed.sale("drop", 10));
  EXPECT_EQ(figures.counts().repeated, 5);
  figures.take(feed.order("a", 2, EventType::order_cancelled, 1));
  EXPECT_FALSE(figures.is_whole());
  EXPECT_EQ(figures.counts().unknown, 1);
}

TEST(InsightFiguresTest, WindowsGoByTheTimeOfTheEventsInWhateverOrder) {
  Feed feed;
  Figures figures;
  figures.take(feed.order("a", 1, EventType::order_confirmed, 12));
  figures.take(feed.order("b", 1, EventType::order_confirmed, 9));
  figures.take(feed.order("c", 1, EventType::order_confirmed, 12));
  const auto& [seconds, tens, minutes] = figures.windows().rings();
  EXPECT_EQ(seconds.at(kStartS + 12).at(kSale).confirmed, (Amounts{2, 4, 4000}));
  EXPECT_EQ(seconds.at(kStartS + 9).at(kSale).confirmed, (Amounts{1, 2, 2000}));
  EXPECT_EQ(tens.at(kStartS + 10).at(kShoe).placed.units, 4);
  EXPECT_EQ(tens.at(kStartS).at(kShoe).placed.units, 2);
  EXPECT_EQ(minutes.at(kStartS).at(kSale).confirmed.orders, 3);
  EXPECT_EQ(figures.counts().late, 0);
}

TEST(InsightFiguresTest, WhatComesTooLateForItsWindowCountsInTheTotalsAlone) {
  Feed feed;
  Figures figures;
  figures.take(feed.order("a", 1, EventType::order_confirmed, 1000));
  figures.take(feed.order("b", 1, EventType::order_confirmed, 880));
  EXPECT_EQ(figures.counts().late, 1);
  EXPECT_EQ(now_of(figures, kSale, OrderStatus::confirmed).orders, 2);
  const auto& [seconds, tens, minutes] = figures.windows().rings();
  EXPECT_FALSE(seconds.contains(kStartS + 880));
  EXPECT_TRUE(tens.contains(kStartS + 880));
  figures.take(feed.order("c", 1, EventType::order_confirmed, 10'000));
  EXPECT_EQ(seconds.size(), 1U);
  EXPECT_EQ(minutes.size(), 1U);
}

TEST(InsightFiguresTest, TellsWhenAnItemWouldBeSoldOut) {
  Feed feed;
  Figures figures;
  EXPECT_FALSE(figures.sell_out(kShoe, at_s(0)));
  figures.take(feed.sale("drop", 100));
  EXPECT_FALSE(figures.sell_out(kShoe, at_s(0))->within_s);
  for (int i = 0; i < 15; ++i) figures.take(feed.order("o" + std::to_string(i), 1, EventType::order_confirmed, i));
  auto sell_out = figures.sell_out(kShoe, at_s(20));
  EXPECT_EQ(sell_out->remaining_units, 70);
  EXPECT_DOUBLE_EQ(sell_out->units_per_s, 0.5);
  EXPECT_EQ(sell_out->within_s, 140);
  figures.take(feed.order("o1", 2, EventType::order_cancelled, 16));
  sell_out = figures.sell_out(kShoe, at_s(20));
  EXPECT_EQ(sell_out->remaining_units, 72);
  EXPECT_DOUBLE_EQ(sell_out->units_per_s, 28.0 / 60);
  EXPECT_FALSE(figures.sell_out(kShoe, at_s(200))->within_s) << "nothing was sold for long";
  figures.take(feed.sale("drop", 28));
  EXPECT_EQ(figures.sell_out(kShoe, at_s(200))->within_s, 0);
}

TEST(InsightFiguresTest, MoreSalesThanThereIsRoomForAreCountedTogether) {
  Feed feed;
  Figures figures({.series_max = 20, .window_cells_max = 10, .orders_max = 10, .buyers_max = 5});
  for (int i = 0; i < 200; ++i) {
    auto event = feed.order("o" + std::to_string(i), 1, EventType::order_awaiting_payment, i / 50);
    event.sale_id = "sale-" + std::to_string(i);
    figures.take(event);
  }
  EXPECT_LE(figures.series().size(), 20U + 2U);
  Amounts sum;
  for (const auto& [key, totals] : figures.series()) {
    if (key.sku.empty()) sum += totals.by_status.at(OrderStatus::awaiting_payment);
  }
  EXPECT_EQ(sum, (Amounts{200, 400, 400'000}));
  EXPECT_TRUE(figures.series().contains({"sale-199", "shoe", "EUR"}));
  for (const auto& ring : figures.windows().rings()) {
    for (const auto& [begin, cells] : ring) EXPECT_LE(cells.size(), 12U);
  }
}

TEST(InsightFiguresTest, OfOrdersThatWereForgottenItSaysSo) {
  Feed feed;
  Figures figures({.series_max = 20, .window_cells_max = 10, .orders_max = 2, .buyers_max = 5});
  for (const char* id : {"a", "b", "c"}) figures.take(feed.order(id, 1, EventType::order_awaiting_payment, 1));
  figures.take(feed.order("a", 2, EventType::order_confirmed, 2));
  EXPECT_EQ(figures.counts().unknown, 1);
  figures.take(feed.order("c", 2, EventType::order_confirmed, 2));
  EXPECT_EQ(figures.counts().unknown, 1);
}

TEST(InsightFiguresTest, WhatIsCancelledIsUnknownOnceAnUnpaidOrderWasForgotten) {
  Feed feed;
  Figures figures({.series_max = 20, .window_cells_max = 10, .orders_max = 1, .buyers_max = 5});
  for (const char* id : {"a", "b"}) figures.take(feed.order(id, 1, EventType::order_awaiting_payment, 1));
  auto read = read_state(write_state(figures), {});
  ASSERT_TRUE(read);
  const auto cancelled = feed.order("a", 2, EventType::order_cancelled, 2);
  for (auto* one : {&figures, &*read}) {
    one->take(cancelled);
    EXPECT_EQ(one->counts().unknown, 1);
  }
}

TEST(InsightFiguresTest, WhatHasEndedIsForgottenBeforeWhatAwaitsPayment) {
  Feed feed;
  Figures figures({.series_max = 20, .window_cells_max = 10, .orders_max = 2, .buyers_max = 5});
  figures.take(feed.order("a", 1, EventType::order_awaiting_payment, 1));
  figures.take(feed.order("ended", 1, EventType::order_awaiting_payment, 1));
  figures.take(feed.order("ended", 2, EventType::order_expired, 2));
  figures.take(feed.order("b", 1, EventType::order_awaiting_payment, 3));
  figures.take(feed.order("bought", 1, EventType::order_confirmed, 3));
  for (const char* id : {"a", "b", "bought"}) figures.take(feed.order(id, 2, EventType::order_cancelled, 4));
  EXPECT_EQ(now_of(figures, kSale, OrderStatus::awaiting_payment), (Amounts{}));
  EXPECT_EQ(now_of(figures, kSale, OrderStatus::confirmed), (Amounts{}));
  EXPECT_EQ(figures.counts().unknown, 0) << "nothing that awaited payment was forgotten";
  figures.take(feed.order("ended", 3, EventType::order_confirmed, 5));
  EXPECT_EQ(figures.counts().unknown, 1);
}

TEST(InsightFiguresTest, RehearsalsCountNowhere) {
  Feed feed;
  Figures figures;
  auto event = feed.order("a", 1, EventType::order_confirmed, 1);
  event.is_rehearsal = true;
  figures.take(event);
  EXPECT_TRUE(figures.series().empty());
  EXPECT_EQ(figures.counts().rehearsed, 1);
}

TEST(InsightFiguresTest, CountsBuyersByAddressAndByCard) {
  Feed feed;
  Figures figures;
  const std::string home(32, '1'), card(32, '2');
  for (int i = 0; i < 6; ++i) {
    const auto id = "o" + std::to_string(i);
    auto placed = feed.order(id, 1, EventType::order_awaiting_payment, i);
    placed.client_hash = home;
    figures.take(placed);
    auto ended = feed.order(id, 2, i % 2 == 0 ? EventType::order_confirmed : EventType::order_cancelled, i);
    ended.card_hash = card;
    figures.take(ended);
  }
  // What took no units is no buyer, and what is of nobody's order counts nowhere.
  for (const auto type : {EventType::order_rejected, EventType::order_refund_required}) {
    auto other = feed.order("other", 1, type, 1);
    other.client_hash = home;
    figures.take(other);
  }
  using Origins = std::vector<SharedOrigins::Origin>;
  EXPECT_EQ(figures.origins().top(OriginKind::address, 9), (Origins{{kStartS, home, 6, 6}}));
  EXPECT_EQ(figures.origins().top(OriginKind::card, 9), (Origins{{kStartS, card, 3, 3}}));
  const auto document = figures_document(figures, at_s(9));
  EXPECT_NE(document.find(R"("origin":"address","hash":")" + home + R"(","orders":6,"customers":6})"),
            std::string::npos)
      << document;
  const auto text = figures_metrics(figures, {}, at_s(9));
  for (const char* line : {"flashsale_insight_origin_customers_max{origin=\"address\"} 6\n",
                           "flashsale_insight_origin_customers_max{origin=\"card\"} 3\n",
                           "flashsale_insight_shared_origins{customers=\"5\",origin=\"address\"} 1\n",
                           "flashsale_insight_shared_origins{customers=\"5\",origin=\"card\"} 0\n",
                           "flashsale_insight_shared_origins{customers=\"20\",origin=\"address\"} 0\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  for (const auto& hash : {home, card}) EXPECT_EQ(text.find(hash), std::string::npos);
  figures.take({.position = 1000, .type = EventType::customer_erased, .customer_id = "buyer-o0", .pseudonym = "e"});
  EXPECT_EQ(figures.origins().customers_max(OriginKind::card, at_s(9)), 3);
}

TEST(InsightFiguresTest, GoesOnFromItsStateAsIfItHadNotEnded) {
  Feed feed;
  std::vector<FeedEvent> events{feed.sale("drop", 1000)};
  for (int i = 0; i < 40; ++i) {
    const auto id = "o" + std::to_string(i);
    events.push_back(feed.order(id, 1, EventType::order_awaiting_payment, i));
    events.back().client_hash = std::string(31, '0') + std::to_string(i % 3);
    if (i % 2 == 0) events.push_back(feed.order(id, 2, EventType::order_confirmed, i + 5));
    if (i % 2 == 0) events.back().card_hash = std::string(32, 'f');
    if (i % 4 == 0) events.push_back(feed.order(id, 3, EventType::order_cancelled, i + 9));
  }
  Figures whole;
  for (const auto& event : events) whole.take(event);
  Figures parts;
  for (const auto& event : events) {
    parts.take(event);
    auto read = read_state(write_state(parts), {});
    ASSERT_TRUE(read);
    parts = std::move(*read);
  }
  EXPECT_EQ(figures_document(parts, at_s(60)), figures_document(whole, at_s(60)));
  EXPECT_EQ(write_state(parts), write_state(whole));
  EXPECT_FALSE(read_state("", {}));
  EXPECT_FALSE(read_state(R"({"format":2})", {}));
  EXPECT_FALSE(read_state(R"({"format":1,"position":"x"})", {}));
}

TEST(InsightFiguresTest, MetricsHaveNoNamesAndNoMoreThanTheLastSales) {
  Feed feed;
  Figures figures;
  for (int i = 0; i < 200; ++i) {
    auto event = feed.order("o" + std::to_string(i), 1, EventType::order_confirmed, i / 50);
    event.sale_id = "sale-" + std::to_string(i);
    figures.take(event);
  }
  const auto text = figures_metrics(figures, {}, at_s(5));
  EXPECT_NE(text.find(R"(flashsale_insight_orders{currency="EUR",sale="sale-199",status="confirmed"} 1)"),
            std::string::npos)
      << text.substr(0, 2000);
  EXPECT_EQ(text.find("sale-149\",status"), std::string::npos);
  EXPECT_EQ(text.find("buyer-"), std::string::npos);
}

}  // namespace
}  // namespace flashsale::insight
