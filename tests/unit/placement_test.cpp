#include <gtest/gtest.h>

#include <string>

#include "flashsale/checkout/placement.hpp"

namespace flashsale::checkout {
namespace {

TEST(PlacementTest, WhoHasAnOrderWasNotRefused) {
  for (std::size_t i = 0; i < kPlacementOutcomes.size(); ++i) {
    const auto outcome = static_cast<PlacementOutcome>(i);
    const bool has_order = outcome == PlacementOutcome::committed || outcome == PlacementOutcome::taken ||
                           outcome == PlacementOutcome::replayed;
    EXPECT_EQ(is_refusal(outcome), !has_order) << to_string(outcome);
  }
}

TEST(RequestIdTest, KeepsWhateverIdARequestCanHave) {
  const std::string longest(RequestId::kBytesMax, 'x');
  EXPECT_EQ(RequestId(longest).view(), longest);
  EXPECT_EQ(RequestId("a-1").view(), "a-1");
  EXPECT_EQ(RequestId().view(), "");
  EXPECT_EQ(RequestId(longest + "y").view(), longest);
}

}  // namespace
}  // namespace flashsale::checkout
