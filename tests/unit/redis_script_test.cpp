#include "redis/script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "flashsale/model/selling_times.hpp"

namespace flashsale::redis {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Script, PreludesAreNoScripts) {
  for (const auto& script : all_scripts()) EXPECT_THAT(std::string(script.name), Not(StartsWith("prelude")));
}

TEST(Script, BeginsWithWhatItsHeadSaysThatItUses) {
  const auto& text = script("find_orders").text;
  EXPECT_THAT(text, StartsWith("-- The letters of the fence"));
  EXPECT_LT(text.find("local function look_at_fence"), text.find("-- The records of orders"));
  EXPECT_THAT(text, Not(HasSubstr("local function clock_us")));
}

TEST(Script, ItsFlagsStayTheFirstLine) {
  EXPECT_THAT(script("release").text, StartsWith("#!lua flags=allow-oom\n-- The letters of the fence"));
  EXPECT_THAT(script("release").text, HasSubstr("local function generation_of"));
  EXPECT_THAT(script("raise_number").text, StartsWith("#!lua flags=allow-oom\n-- Raises"));
}

TEST(Script, TheOneThatReservesHasTheTimesOfSelling) {
  EXPECT_THAT(script("reserve").text,
              HasSubstr("local RESTOCK_REST, OPENING_REST = " + std::to_string(kRestockRest.count()) + ", " +
                        std::to_string(kOpeningRest.count()) + "\n"));
}

}  // namespace
}  // namespace flashsale::redis
