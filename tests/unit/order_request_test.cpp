#include "api/order_request.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flashsale::api {
namespace {

using std::chrono::seconds;

TEST(ParsePrefer, ReadsWhatACheckoutKnows) {
  EXPECT_FALSE(parse_prefer("").respond_async);
  EXPECT_FALSE(parse_prefer("").wait);
  EXPECT_TRUE(parse_prefer("respond-async").respond_async);
  EXPECT_TRUE(parse_prefer("handling=lenient, RESPOND-ASYNC;a=b").respond_async);
  EXPECT_EQ(parse_prefer("wait=5").wait, seconds{5});
  EXPECT_EQ(parse_prefer("x, Wait = 10 ;y=z").wait, seconds{10});
  for (const char* const unusable : {"wait", "wait=", "wait=-1", "wait=abc", "wait=1x", "wait=4294967296", "waits=1"}) {
    EXPECT_FALSE(parse_prefer(unusable).wait) << unusable;
    const bool says_wait = std::string_view(unusable) != "wait" && std::string_view(unusable) != "waits=1";
    EXPECT_EQ(parse_prefer(unusable).has_no_number, says_wait) << unusable;
  }
  EXPECT_FALSE(parse_prefer("respond-async, wait=5").has_no_number);
}

TEST(ParsePrefer, TheFirstOfTwoCounts) {
  EXPECT_EQ(parse_prefer("wait=1, wait=9").wait, seconds{1});
  EXPECT_EQ(parse_prefer("wait=0,respond-async,wait=9").wait, seconds{0});
}

TEST(ParseOrderBody, QuickAndGeneralFormsAreTheSame) {
  for (const char* const text : {R"({"sku":"a-1","quantity":2})", " {\n\"quantity\" : 2 ,\t\"sku\":\"a-1\" }\r\n",
                                 R"({"sku":"a-\u0031","quantity":2})", R"({"lines":[{"quantity":2,"sku":"a-1"}]})"}) {
    const OrderBody body = parse_order_body(text);
    EXPECT_FALSE(body.problem) << text;
    ASSERT_EQ(body.lines.size(), 1U) << text;
    EXPECT_EQ(body.lines[0].sku, "a-1") << text;
    EXPECT_EQ(body.lines[0].quantity, 2) << text;
  }
}

TEST(ParseOrderBody, RefusesWhatIsNoOrder) {
  for (const char* const text :
       {"", "[]", R"({"sku":"a","quantity":1}x)", R"({"sku":"a","sku":"a","quantity":1})",
        R"({"sku":"a","quantity":1,"x":1})", R"({"sku":"a","quantity":"1"})", R"({"sku":1,"quantity":1})",
        R"({"sku":"a","quantity":01})", R"({"sku":"a","quantity":1.5})", R"({"quantity":1})", R"({"sku":"a"})"}) {
    EXPECT_EQ(parse_order_body(text).problem, ProblemType::malformed_request) << text;
  }
  for (const char* const quantity : {"0", "-1", "1000001", "18446744073709551615", "18446744073709551616"}) {
    const std::string text = std::string(R"({"sku":"a","quantity":)") + quantity + "}";
    EXPECT_EQ(parse_order_body(text).problem, ProblemType::invalid_quantity) << text;
  }
  EXPECT_EQ(parse_order_body(R"({"sku":"a","quantity":1000000})").lines.at(0).quantity, 1'000'000);
}

std::string cart(int lines) {
  std::string text = R"({"lines":[)";
  for (int i = 0; i < lines; ++i) {
    if (i > 0) text += ',';
    text += R"({"sku":"s)" + std::to_string(i) + R"(","quantity":)" + std::to_string(i + 1) + "}";
  }
  return text + "]}";
}

TEST(ParseOrderBody, ReadsCarts) {
  const OrderBody body = parse_order_body(cart(10));
  EXPECT_FALSE(body.problem);
  ASSERT_EQ(body.lines.size(), 10U);
  EXPECT_EQ(body.lines[9].sku, "s9");
  EXPECT_EQ(body.lines[9].quantity, 10);
}

TEST(ParseOrderBody, RefusesWhatIsNoCart) {
  for (const std::string& text : {cart(0), cart(11), std::string(R"({"lines":{}})"), std::string(R"({"lines":null})"),
                                  std::string(R"({"lines":["a"]})"), std::string(R"({"lines":[{"sku":"a"}]})"),
                                  std::string(R"({"lines":[{"sku":"a","quantity":1,"x":1}]})"),
                                  std::string(R"({"lines":[{"sku":"a","quantity":1},{"sku":"a","quantity":2}]})"),
                                  std::string(R"({"lines":[{"sku":"a","quantity":1}],"sku":"a","quantity":1})"),
                                  std::string(R"({"lines":[{"sku":"a","quantity":1}],"x":1})")}) {
    EXPECT_EQ(parse_order_body(text).problem, ProblemType::malformed_request) << text;
  }
  EXPECT_EQ(parse_order_body(R"({"lines":[{"sku":"a","quantity":1},{"sku":"b","quantity":0}]})").problem,
            ProblemType::invalid_quantity);
}

TEST(ParseIdempotencyKey, QuotedAndBareAreTheSame) {
  EXPECT_EQ(parse_idempotency_key("k-1"), "k-1");
  EXPECT_EQ(parse_idempotency_key(" \"k-1\"\t"), "k-1");
  for (const char* const malformed : {"", "\"", "\"\"", "\"k", "a b", "a\x7f", "\xc3\xa4"}) {
    EXPECT_EQ(parse_idempotency_key(malformed), "") << malformed;
  }
  EXPECT_EQ(parse_idempotency_key(std::string(255, 'k')).size(), 255U);
  EXPECT_EQ(parse_idempotency_key(std::string(256, 'k')), "");
}

}  // namespace
}  // namespace flashsale::api
