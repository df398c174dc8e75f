#include "api/weighted_list.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flashsale::api {
namespace {

const std::vector<std::string> kSpoken{"de", "en", "fr"};

TEST(WeightedListTest, ElementsHaveAValueParametersAndAWeight) {
  const auto list = parse_weighted_list("Text/Plain; Version=0.0.4 ;q=0.5 , */*;q=0,application/json");
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].value, "text/plain");
  ASSERT_EQ(list[0].parameters.size(), 1U);
  EXPECT_EQ(list[0].parameters[0], (std::pair<std::string, std::string>("version", "0.0.4")));
  EXPECT_DOUBLE_EQ(list[0].weight, 0.5);
  EXPECT_DOUBLE_EQ(list[1].weight, 0);
  EXPECT_EQ(list[2].value, "application/json");
  EXPECT_DOUBLE_EQ(list[2].weight, 1);
  EXPECT_TRUE(parse_weighted_list("").empty());
}

TEST(WeightedListTest, AWeightThatIsNoneIsNoWish) {
  for (const char* weight : {"", "x", "0.5x", "-1", "2", "nan", "inf", "0,5"}) {
    EXPECT_DOUBLE_EQ(parse_weighted_list(std::string("de;q=") + weight).front().weight, 0) << weight;
  }
}

TEST(WeightedListTest, WhoeverSendsThousandsIsNotReadToTheEnd) {
  std::string header = "xx";
  for (int i = 0; i < 5000; ++i) header += ",xx";
  EXPECT_EQ(parse_weighted_list(header).size(), kWeightedValuesMax);
}

TEST(WishedLanguageTest, IsTheOneOfTheGreatestWeightAndOfSeveralTheFirst) {
  EXPECT_EQ(wished_language("fr, de", kSpoken), "fr");
  EXPECT_EQ(wished_language("fr;q=0.5, de;q=0.9, en;q=0.1", kSpoken), "de");
  EXPECT_EQ(wished_language("nl, de-AT;q=0.8, en-US;q=0.7", kSpoken), "de");
  EXPECT_EQ(wished_language("EN-gb", kSpoken), "en");
}

TEST(WishedLanguageTest, IsNoneWhereNoneIsSpoken) {
  for (const char* header : {"", "*", "nl", "de;q=0", "deu", "d", "-de", ";q=1", ",,"}) {
    EXPECT_EQ(wished_language(header, kSpoken), "") << header;
  }
}

}  // namespace
}  // namespace flashsale::api
