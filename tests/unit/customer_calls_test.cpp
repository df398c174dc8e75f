#include "flashsale/identity/customer_calls.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flashsale::identity {
namespace {

TEST(CustomerCallsTest, OneMoreThanMayBeIsRefusedUntilOneEnds) {
  CustomerCalls calls(2);
  auto first = calls.begin("ann");
  const auto second = calls.begin("ann");
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(calls.begin("ann"));
  EXPECT_FALSE(calls.begin("ann")) << "a refusal counts nothing";
  first.reset();
  EXPECT_TRUE(calls.begin("ann"));
}

TEST(CustomerCallsTest, ACallEndsWithItsLastCopy) {
  CustomerCalls calls(1);
  auto call = calls.begin("ann");
  auto copy = call;
  call.reset();
  EXPECT_FALSE(calls.begin("ann"));
  copy.reset();
  EXPECT_TRUE(calls.begin("ann"));
}

TEST(CustomerCallsTest, CustomersDoNotStandInEachOthersWay) {
  CustomerCalls calls(1);
  const auto mine = calls.begin("ann");
  std::size_t let_in = 0;
  std::vector<CustomerCalls::Call> others;
  for (int n = 0; n < 100; ++n) {
    others.push_back(calls.begin("buyer-" + std::to_string(n)));
    if (others.back()) ++let_in;
  }
  // Two of a hundred and one may share a counter of 65,536; a handful never do.
  EXPECT_GE(let_in, 95U);
}

TEST(CustomerCallsTest, ACallMayOutliveTheCounters) {
  CustomerCalls::Call call;
  {
    CustomerCalls calls(1);
    call = calls.begin("ann");
  }
  call.reset();
}

}  // namespace
}  // namespace flashsale::identity
