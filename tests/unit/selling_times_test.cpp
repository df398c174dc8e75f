#include "flashsale/model/selling_times.hpp"

#include <gtest/gtest.h>

#include <string>

#include "redis/script.hpp"

namespace flashsale {
namespace {

TEST(SellingTimes, TheScriptThatReservesHasTheSame) {
  const std::string both = "local restock_rest, opening_rest = " + std::to_string(kRestockRest.count()) + ", " +
                           std::to_string(kOpeningRest.count()) + "\n";
  EXPECT_NE(redis::script("reserve").text.find(both), std::string_view::npos) << both;
}

}  // namespace
}  // namespace flashsale
