#include "flashsale/model/rejection_reason.hpp"

#include <gtest/gtest.h>

namespace flashsale {
namespace {

TEST(RejectionReasonTest, IsReadAsItIsWrittenAndStrictly) {
  for (int i = 0; i <= static_cast<int>(RejectionReason::data_refused); ++i) {
    const auto reason = static_cast<RejectionReason>(i);
    EXPECT_EQ(parse_rejection_reason(to_string(reason)), reason);
  }
  for (const char* other : {"", "sold-out", "SOLD_OUT", "sold_out ", "sold", "of a newer version"}) {
    EXPECT_FALSE(parse_rejection_reason(other)) << other;
  }
}

}  // namespace
}  // namespace flashsale
