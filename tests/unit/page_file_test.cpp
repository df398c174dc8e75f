#include "api/page_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replied_exchange.hpp"

namespace flashsale::api {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class PageFileTest : public ::testing::Test {
 protected:
  RepliedExchange ask(std::string_view if_none_match = {}) {
    Routes routes;
    add_page_file(routes, "/page.css", PagePart::style, "body { margin: 0 }");
    RepliedExchange exchange;
    exchange.asked.headers[static_cast<std::size_t>(Header::if_none_match)] = if_none_match;
    routes.front().handler(exchange);
    return exchange;
  }
};

TEST_F(PageFileTest, IsServedAsWhatItIs) {
  const auto exchange = ask();
  EXPECT_EQ(exchange.status, 200U);
  EXPECT_EQ(exchange.content_type, "text/css; charset=utf-8");
  EXPECT_EQ(exchange.body, "body { margin: 0 }");
  EXPECT_THAT(exchange.headers, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
}

TEST_F(PageFileTest, LetsTheBrowserRunAndLoadNothingFromElsewhere) {
  const auto headers = ask().headers;
  EXPECT_THAT(headers, HasSubstr("Content-Security-Policy: default-src 'none'; script-src 'self';"));
  EXPECT_THAT(headers, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(headers, HasSubstr("form-action 'none'"));
  EXPECT_THAT(headers, HasSubstr("Referrer-Policy: no-referrer\r\n"));
  EXPECT_THAT(headers, Not(HasSubstr("unsafe")));
}

TEST_F(PageFileTest, IsAskedForEachTimeAndSentOnce) {
  const auto first = ask();
  EXPECT_THAT(first.headers, HasSubstr("Cache-Control: no-cache\r\n"));
  const auto from = first.headers.find("ETag: ") + 6;
  const auto again = ask(std::string_view(first.headers).substr(from, first.headers.find('\r', from) - from));
  EXPECT_EQ(again.status, 304U);
  EXPECT_THAT(again.body, IsEmpty());
  EXPECT_THAT(again.headers, HasSubstr("Content-Security-Policy: "));
}

TEST(WayToPageTest, LeadsFromTheRootWithWhatTheAddressAsks) {
  Routes routes;
  add_way_to_page(routes, "/ops");
  EXPECT_EQ(routes.front().pattern, "/");
  RepliedExchange exchange;
  routes.front().handler(exchange);
  EXPECT_EQ(exchange.status, 303U);
  EXPECT_EQ(exchange.headers, "Location: /ops\r\n");
  exchange.asked.query = "lang=de";
  routes.front().handler(exchange);
  EXPECT_EQ(exchange.headers, "Location: /ops?lang=de\r\n");
}

}  // namespace
}  // namespace flashsale::api
