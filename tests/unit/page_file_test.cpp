#include "api/page_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replied_exchange.hpp"

namespace flashsale::api {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(PrefersPage, IsTrueOfBrowsersAlone) {
  for (const char* accept : {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", "text/html",
                             "application/json;q=0.5, Text/HTML"}) {
    EXPECT_TRUE(prefers_page(accept)) << accept;
  }
  for (const char* accept : {"", "*/*", "application/json", "application/json, text/html;q=0.9", "text/html;q=0",
                             "application/problem+json, text/html;q=0.5", "text/*"}) {
    EXPECT_FALSE(prefers_page(accept)) << accept;
  }
}

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

TEST_F(PageFileTest, AnIconIsKeptForADay) {
  Routes routes;
  add_page_file(routes, "/favicon.ico", PagePart::icon, "<svg/>");
  RepliedExchange exchange;
  routes.front().handler(exchange);
  EXPECT_EQ(exchange.content_type, "image/svg+xml");
  EXPECT_THAT(exchange.headers, HasSubstr("Cache-Control: public, max-age=86400\r\n"));
  EXPECT_THAT(exchange.headers, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
}

TEST(ErrorPageTest, HasThePagesHeadersAndIsNotKept) {
  RepliedExchange exchange;
  reply_error_page(exchange, 404, "<h1>None</h1>", "Vary: Accept\r\n");
  EXPECT_EQ(exchange.status, 404U);
  EXPECT_EQ(exchange.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(exchange.body, "<h1>None</h1>");
  EXPECT_THAT(exchange.headers, HasSubstr("Content-Security-Policy: default-src 'none'; script-src 'self';"));
  EXPECT_THAT(exchange.headers, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(exchange.headers, HasSubstr("Vary: Accept\r\n"));
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
