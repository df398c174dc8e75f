#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "load/behaviour_command.hpp"
#include "load/behaviour_verdict.hpp"
#include "load/visitors.hpp"

namespace flashsale::load {
namespace {

using ::testing::HasSubstr;

TEST(LoadBehaviourTest, TheSameSeedGivesTheSameVisitors) {
  const VisitorOptions options{.people = 300, .bots = 0.2, .seconds = 20};
  const auto first = draw_visitors(options, 5);
  const auto again = draw_visitors(options, 5);
  const auto other = draw_visitors(options, 6);
  ASSERT_EQ(first.size(), 360U);
  bool differs = false;
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].first_s, again[i].first_s);
    EXPECT_EQ(first[i].address, again[i].address);
    differs = differs || first[i].first_s != other[i].first_s;
  }
  EXPECT_TRUE(differs);
}

TEST(LoadBehaviourTest, EveryKindComes) {
  std::map<VisitorKind, int> counts;
  std::map<std::string, std::set<VisitorKind>> by_address;
  for (const auto& one : draw_visitors({.people = 2000, .bots = 0.14, .seconds = 20}, 1)) {
    ++counts[one.kind];
    by_address[one.address].insert(one.kind);
  }
  EXPECT_EQ(counts.size(), kVisitorNames.size());
  int bots = 0;
  for (const auto& [kind, name] : kVisitorNames) {
    EXPECT_EQ(to_string(kind), name);
    if (!is_bot(kind)) continue;
    EXPECT_EQ(counts[kind], 40) << name;
    bots += counts[kind];
  }
  EXPECT_EQ(bots, 280);
  for (const auto& [address, kinds] : by_address) EXPECT_EQ(kinds.size(), 1U) << address;
}

TEST(LoadBehaviourTest, PrecisionAndRecallAreThoseOfTheDefinition) {
  const std::vector<ScoredVisitor> visitors{
      {VisitorKind::burst, 90},   {VisitorKind::burst, 60},  {VisitorKind::disguised, 0},
      {VisitorKind::instant, 50}, {VisitorKind::careful, 0}, {VisitorKind::guessing, 50},
  };
  const auto at_50 = detect(visitors, 50);
  EXPECT_EQ(at_50.bots, 3U);
  EXPECT_EQ(at_50.people, 1U);
  EXPECT_DOUBLE_EQ(at_50.precision, 0.75);
  EXPECT_DOUBLE_EQ(at_50.recall, 0.75);
  EXPECT_DOUBLE_EQ(detect(visitors, 51).precision, 1);
  EXPECT_DOUBLE_EQ(detect(visitors, 100).precision, 1);
  EXPECT_DOUBLE_EQ(detect(visitors, 100).recall, 0);
  const auto text = behaviour_text(visitors, 50);
  EXPECT_THAT(text, HasSubstr("2 people and 4 bots\n"));
  EXPECT_THAT(text, HasSubstr("\nprecision 75.0 %, recall 75.0 % at a score of 50\n"));
  EXPECT_THAT(text, HasSubstr("cannot be told: precision 75.0 %, recall 100.0 %\n"));
}

TEST(LoadBehaviourTest, OptionsAreReadAndJudged) {
  const auto parse = [](const std::vector<std::string>& arguments) {
    return parse_behaviour_options(arguments, [](const char* name) -> std::optional<std::string> {
      const std::string variable = name;
      if (variable == "FLASHSALE_URL") return "http://127.0.0.1:1,http://127.0.0.1:2";
      if (variable == "FLASHSALE_JWT_SECRET") return "secret";
      return std::nullopt;
    });
  };
  const auto parsed = parse({"--admin-url", "http://127.0.0.1:3", "--admin-token", "t", "--people", "500", "--bots",
                             "0.5", "--threshold", "60", "--seed", "9"});
  EXPECT_EQ(parsed.error, "");
  EXPECT_EQ(parsed.options.urls.size(), 2U);
  EXPECT_EQ(parsed.options.jwt_secret, "secret");
  EXPECT_EQ(parsed.options.visitors.people, 500U);
  EXPECT_EQ(parsed.options.threshold, 60);
  EXPECT_THAT(parse({"--people", "5"}).error, HasSubstr("takes a number"));
  EXPECT_TRUE(parse({"--help"}).wants_help);
  EXPECT_THAT(parse({}).error, HasSubstr("--admin-url"));
  EXPECT_THAT(parse({"--people"}).error, HasSubstr("takes a value"));
  EXPECT_THAT(parse({"--people", "many"}).error, HasSubstr("takes a number"));
  EXPECT_THAT(parse({"--bots", "1.5"}).error, HasSubstr("takes a number"));
  EXPECT_THAT(parse({"--crowd", "1"}).error, HasSubstr("is no option"));
}

}  // namespace
}  // namespace flashsale::load
