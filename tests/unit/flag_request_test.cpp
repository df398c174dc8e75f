#include "api/flag_request.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flashsale::api {
namespace {

TEST(FlagRequestTest, WhatIsLeftOutIsForEverybody) {
  const auto off = parse_flag_body(R"({"enabled":false})");
  ASSERT_FALSE(off.problem) << off.detail;
  EXPECT_EQ(off.flag, (Flag{false, 100, {}}));
  const auto part = parse_flag_body(R"( {"percent" : 25, "enabled": true} )");
  ASSERT_FALSE(part.problem) << part.detail;
  EXPECT_EQ(part.flag, (Flag{true, 25, {}}));
  EXPECT_EQ(parse_flag_body(R"({"enabled":true,"percent":25.0})").flag, (Flag{true, 25, {}}));
  // As an answer shows it.
  EXPECT_EQ(parse_flag_body(R"({"enabled":true,"percent":0,"sales":null})").flag, (Flag{true, 0, {}}));
}

TEST(FlagRequestTest, SalesAreInOrderAndEachOnce) {
  const auto parsed = parse_flag_body(R"({"enabled":false,"sales":["b","a","b","_1"]})");
  ASSERT_FALSE(parsed.problem) << parsed.detail;
  EXPECT_EQ(parsed.flag.sales, (std::vector<std::string>{"_1", "a", "b"}));
}

TEST(FlagRequestTest, WhatIsMalformedIsRefused) {
  for (const char* bad : {
           "",
           "null",
           "[]",
           "true",
           "{",
           R"({"enabled":true}{})",
           R"({"enabled":true,"enabled":true})",
           R"({})",
           R"({"percent":50})",
           R"({"enabled":1})",
           R"({"enabled":"true"})",
           R"({"enabled":null})",
           R"({"enabled":true,"percent":-1})",
           R"({"enabled":true,"percent":101})",
           R"({"enabled":true,"percent":50.5})",
           R"({"enabled":true,"percent":"50"})",
           R"({"enabled":true,"percent":null})",
           R"({"enabled":true,"percent":18446744073709551615})",
           R"({"enabled":true,"sales":[]})",
           R"({"enabled":true,"sales":"a"})",
           R"({"enabled":true,"sales":{}})",
           R"({"enabled":true,"sales":[1]})",
           R"({"enabled":true,"sales":["a",null]})",
           R"({"enabled":true,"sales":[["a"]]})",
           R"({"enabled":true,"sales":[""]})",
           R"({"enabled":true,"sales":["-a"]})",
           R"({"enabled":true,"sales":["a b"]})",
           R"({"enabled":true,"sales":["a,b"]})",
           R"({"enabled":true,"sales":["a\u0000"]})",
           R"({"enabled":true,"name":"checkout"})",
           R"({"enabled":true,"Percent":50})",
       }) {
    const auto parsed = parse_flag_body(bad);
    EXPECT_EQ(parsed.problem, ProblemType::malformed_request) << bad;
    EXPECT_FALSE(parsed.detail.empty()) << bad;
  }
}

TEST(FlagRequestTest, AtMostAThousandSales) {
  const auto body = [](int count) {
    std::string text = R"({"enabled":true,"sales":[)";
    for (int i = 0; i < count; ++i) text += (i > 0 ? ",\"s" : "\"s") + std::to_string(i) + '"';
    return text + "]}";
  };
  const auto most = parse_flag_body(body(1000));
  EXPECT_FALSE(most.problem) << most.detail;
  EXPECT_EQ(most.flag.sales.size(), 1000U);
  EXPECT_EQ(parse_flag_body(body(1001)).problem, ProblemType::malformed_request);
}

}  // namespace
}  // namespace flashsale::api
