#include "http/router.hpp"

#include <gtest/gtest.h>

namespace flashsale::http {
namespace {

using api::Method;
using Outcome = Router::Outcome;

const api::Handler kNothing = [](api::Exchange&) {};

api::Routes routes() {
  return {{Method::get, "/livez", kNothing},
          {Method::get, "/v1/sales", kNothing},
          {Method::get, "/v1/sales/{sale_id}", kNothing},
          {Method::post, "/v1/sales/{sale_id}/orders", kNothing},
          {Method::get, "/v1/orders/{order_id}", kNothing},
          {Method::post, "/v1/orders/{order_id}/cancel", kNothing},
          {Method::get, "/v1/orders/recent", kNothing},
          {Method::get, "/admin/v1/sales/{id}", kNothing},
          {Method::patch, "/admin/v1/sales/{id}", kNothing},
          {Method::post, "/admin/v1/sales/{id}/items/{sku}/stock", kNothing}};
}

class RouterTest : public testing::Test {
 protected:
  std::string pattern_of(Method method, std::string_view path) const {
    const Router::Match match = router_.match(method, path);
    return match.outcome == Outcome::no_path ? "none" : std::string(router_.pattern(match.pattern));
  }
  const api::Routes routes_ = routes();
  const Router router_{routes_};
};

TEST_F(RouterTest, FindsTheHandler) {
  const Router::Match match = router_.match(Method::post, "/admin/v1/sales/drop/items/sneaker%2042/stock");
  ASSERT_EQ(match.outcome, Outcome::found);
  EXPECT_EQ(match.handler, &routes_.back().handler);
  EXPECT_EQ(match.parameter_count, 2U);
  EXPECT_EQ(match.parameters[0], "drop");
  EXPECT_EQ(match.parameters[1], "sneaker%2042");
}

TEST_F(RouterTest, LiteralsWinOverParameters) {
  EXPECT_EQ(pattern_of(Method::get, "/v1/orders/recent"), "/v1/orders/recent");
  EXPECT_EQ(pattern_of(Method::get, "/v1/orders/1"), "/v1/orders/{order_id}");
}

TEST_F(RouterTest, UnknownPaths) {
  for (const char* path :
       {"", "/", "*", "//", "/livez/", "/v1/sales/", "/v1//sales", "/v1/sales//orders", "/V1/sales", "/v1/sales/a/b",
        "/v1/sales/a/orders/", "livez", "/v1/%73ales", "/a/b/c/d/e/f/g/h/i/j/k/l"}) {
    EXPECT_EQ(router_.match(Method::get, path).outcome, Outcome::no_path) << path;
    EXPECT_EQ(router_.match(Method::post, path).outcome, Outcome::no_path) << path;
  }
}

TEST_F(RouterTest, OtherMethodsAreToldApart) {
  EXPECT_EQ(router_.match(Method::delete_, "/livez").outcome, Outcome::no_method);
  EXPECT_EQ(router_.match(Method::other, "/livez").outcome, Outcome::no_method);
  EXPECT_EQ(router_.match(Method::options, "/livez").outcome, Outcome::no_method);
  EXPECT_EQ(router_.match(Method::head, "/v1/sales/a/orders").outcome, Outcome::no_method);
  const auto allow = [&](std::string_view path) { return router_.allow(router_.match(Method::other, path).pattern); };
  EXPECT_EQ(allow("/livez"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(allow("/v1/sales/a/orders"), "POST, OPTIONS");
  EXPECT_EQ(allow("/admin/v1/sales/a"), "GET, HEAD, PATCH, OPTIONS");
}

TEST_F(RouterTest, HeadIsServedByGet) {
  const Router::Match match = router_.match(Method::head, "/livez");
  ASSERT_EQ(match.outcome, Outcome::found);
  EXPECT_EQ(match.handler, &routes_.front().handler);
}

TEST_F(RouterTest, ListsItsEndpoints) {
  ASSERT_EQ(router_.endpoints().size(), routes_.size());
  EXPECT_EQ(router_.endpoints()[3], std::make_pair(Method::post, std::string_view("/v1/sales/{sale_id}/orders")));
}

TEST(RouterDeathTest, RefusesContradictions) {
  const auto make = [](api::Routes list) { const Router router(list); };
  EXPECT_DEATH(make({{Method::get, "/a", kNothing}, {Method::get, "/a", kNothing}}), "");
  EXPECT_DEATH(make({{Method::get, "/a/{b}", kNothing}, {Method::put, "/a/{c}", kNothing}}), "");
  EXPECT_DEATH(make({{Method::get, "/{a}/{b}/{c}", kNothing}}), "");
  EXPECT_DEATH(make({{Method::get, "a", kNothing}}), "");
  EXPECT_DEATH(make({{Method::get, "/a{b}", kNothing}}), "");
  EXPECT_DEATH(make({{Method::get, "/a", nullptr}}), "");
}

TEST(PercentDecode, Decodes) {
  const auto decode = [](std::string_view text) {
    std::string out;
    return percent_decode(text, out) ? out : "refused";
  };
  EXPECT_EQ(decode(""), "");
  EXPECT_EQ(decode("abc"), "abc");
  EXPECT_EQ(decode("a%20b%2fc%2F"), "a b/c/");
  EXPECT_EQ(decode("%C3%A4"), "\xc3\xa4");
  EXPECT_EQ(decode("%25%32%30"), "%20") << "once, not twice";
  EXPECT_EQ(decode("a+b"), "a+b");
  for (const char* text : {"%", "a%", "%2", "%2g", "%g2", "%%20", "%00", "%0a", "%0D", "%1f", "%7F", "% 1", "%-1"}) {
    EXPECT_EQ(decode(text), "refused") << text;
  }
}

}  // namespace
}  // namespace flashsale::http
