#include "load/order_list.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace flashsale::load {
namespace {

TEST(OrderListTest, ListsWhatBuyersKnowOfTheirOrders) {
  Expectation expectation;
  expectation.sale_id = "load-1";
  expectation.run_mark = "0000000001";
  std::vector<KeyRecord> keys(7);
  for (std::uint32_t i = 0; i < keys.size(); ++i) keys[i].buyer = i;
  keys[0].seen = kSeenAccepted | kSeenReplayed;
  keys[1].seen = kSeenCreated | kSeenCancelSent | kSeenCancelled;
  keys[2].seen = kSeenAccepted;
  keys[3].seen = kSeenUnknown | kSeenShed;
  keys[4].seen = kSeenRefused;
  keys[5].seen = kSeenAccepted | kSeenRejected;
  std::ostringstream out;
  write_order_list(out, expectation, keys);
  const auto id = [&](std::uint32_t buyer) {
    return expected_order_id(expectation.sale, expectation.run_mark, buyer, 0).to_string();
  };
  EXPECT_EQ(out.str(), "load-1\n" + id(0) + " told\n" + id(1) + " told cancelled\n" + id(2) + " accepted\n" + id(3) +
                           " open\n" + id(5) + " open\n");
}

}  // namespace
}  // namespace flashsale::load
