#include "flashsale/api/exchange.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace flashsale::api {
namespace {

using testing::ElementsAre;

TEST(RetryAfter, IsSpreadSoThatACrowdDoesNotComeBackAtOnce) {
  std::set<std::string> told;
  for (int i = 0; i < 200; ++i) {
    std::string block;
    append_retry_after(block, 1);
    told.insert(block);
  }
  EXPECT_THAT(told, ElementsAre("Retry-After: 1\r\n", "Retry-After: 2\r\n", "Retry-After: 3\r\n"));
}

}  // namespace
}  // namespace flashsale::api
