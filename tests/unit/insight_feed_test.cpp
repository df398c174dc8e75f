#include <gtest/gtest.h>

#include <string>

#include "flashsale/insight/feed_event.hpp"
#include "flashsale/insight/top_buyers.hpp"

namespace flashsale::insight {
namespace {

std::string event(const std::string& type, const std::string& data, const std::string& id = "o/2") {
  return R"({"specversion":"1.0","id":")" + id + R"(","source":"/flashsaled","type":")" + type +
         R"(","subject":"o","time":"2026-01-02T03:04:05.000006Z","sequence":"00000000000000000042","data":)" + data +
         "}";
}

std::optional<FeedPage> page_of(const std::string& events) {
  return parse_feed_page("{\"events\":[" + events + "],\"next_after\":42}");
}

constexpr const char* kOrder =
    R"({"id":"o","sale_id":"drop","customer_id":"alice","lines":[{"sku":"shoe","quantity":2,)"
    R"("unit_price":{"amount":1000,"currency":"EUR"}}],"status":"confirmed"})";

TEST(InsightFeedTest, ReadsAnOrder) {
  const auto page = page_of(event("flashsale.order.confirmed", kOrder));
  ASSERT_TRUE(page);
  ASSERT_EQ(page->events.size(), 1U);
  const auto& read = page->events.front();
  EXPECT_EQ(read.position, 42);
  EXPECT_EQ(read.change_no, 2);
  EXPECT_EQ(read.type, EventType::order_confirmed);
  EXPECT_EQ(read.sale_id, "drop");
  EXPECT_EQ(read.customer_id, "alice");
  EXPECT_EQ(format_rfc3339(read.at), "2026-01-02T03:04:05.000006Z");
  ASSERT_EQ(read.lines.size(), 1U);
  EXPECT_EQ(read.lines.front().units, 2);
  EXPECT_EQ(read.lines.front().unit_price, (Money{1000, "EUR"}));
}

TEST(InsightFeedTest, ReadsWhereAnOrderCameFrom) {
  const auto plain = page_of(event("flashsale.order.confirmed", kOrder));
  EXPECT_EQ(plain->events.front().client_hash, "");
  EXPECT_EQ(plain->events.front().card_hash, "");
  const auto page =
      page_of(event("flashsale.order.confirmed", R"({"id":"o","client_hash":"c1","payment":{"card_hash":"c2"}})"));
  EXPECT_EQ(page->events.front().client_hash, "c1");
  EXPECT_EQ(page->events.front().card_hash, "c2");
}

TEST(InsightFeedTest, ReadsTheStockOfASaleAndAnErasure) {
  const auto page =
      page_of(event("flashsale.sale.opened",
                    R"({"id":"o","items":[{"sku":"shoe","stock":7,"price":{"amount":1,"currency":"EUR"}}]})", "o/1") +
              "," + event("flashsale.customer.erased", R"({"customer_id":"alice","pseudonym":"erased-1"})"));
  ASSERT_TRUE(page);
  ASSERT_EQ(page->events.size(), 2U);
  EXPECT_EQ(page->events[0].sale_id, "o");
  EXPECT_EQ(page->events[0].stock.front().units, 7);
  EXPECT_EQ(page->events[1].pseudonym, "erased-1");
}

TEST(InsightFeedTest, AnEventThatIsNotKnownOrMakesNoSenseIsCounted) {
  const std::string line = R"({"sale_id":"drop","lines":[{"sku":"shoe","quantity":)";
  for (const auto& bad : {
           event("flashsale.order.sent", kOrder),
           event("flashsale.order.confirmed", line + R"(-1,"unit_price":{"amount":1,"currency":"EUR"}}]})"),
           event("flashsale.order.confirmed",
                 line + R"(1000000,"unit_price":{"amount":10000000000,"currency":"EUR"}}]})"),
           event("flashsale.order.confirmed", line + R"(1,"unit_price":{"amount":1,"currency":"EURO"}}]})"),
           event("flashsale.order.confirmed", line + "1}]}"),
           event("flashsale.sale.opened", "{}"),
           std::string("{}"),
           std::string("7"),
       }) {
    const auto page = page_of(bad + "," + event("flashsale.order.confirmed", kOrder));
    ASSERT_TRUE(page) << bad;
    EXPECT_EQ(page->unreadable, 1U) << bad;
    EXPECT_EQ(page->events.size(), 1U) << bad;
  }
  for (const char* bad : {"", "[]", "{}", R"({"events":[]})", R"({"events":1,"next_after":1})", "nothing"})
    EXPECT_FALSE(parse_feed_page(bad)) << bad;
}

TEST(TopBuyersTest, NoCountIsTooLowAndWhoBuysMuchIsThere) {
  TopBuyers buyers(10);
  for (int i = 0; i < 1000; ++i) {
    buyers.add("once-" + std::to_string(i), 1);
    if (i % 5 == 0) buyers.add("often", 2);
  }
  const auto top = buyers.top(10);
  ASSERT_EQ(top.size(), 10U);
  EXPECT_EQ(top.front().customer_id, "often");
  EXPECT_GE(top.front().units, 400);
  EXPECT_LE(top.front().units - top.front().error, 400);
}

TEST(TopBuyersTest, AnErasureTakesTheNameOut) {
  TopBuyers buyers(10);
  buyers.add("alice", 3);
  buyers.rename("alice", "erased-1");
  buyers.rename("nobody", "erased-2");
  EXPECT_EQ(buyers.top(10), (std::vector<TopBuyers::Buyer>{{"erased-1", 3, 0}}));
}

}  // namespace
}  // namespace flashsale::insight
