#include "identity/check_budget.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flashsale::identity {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class CheckBudgetTest : public ::testing::Test {
 protected:
  /// A wrong signature, if it may be checked at all.
  bool forge(const std::string& address, microseconds work = microseconds{100}) {
    const auto sender = budget_.sender(address);
    if (!budget_.is_left(sender, now_)) return false;
    budget_.charge(sender, now_, work);
    checked_ += work;
    return true;
  }
  bool is_left(const std::string& address) { return budget_.is_left(budget_.sender(address), now_); }
  void use_up(const std::string& address) {
    for (int i = 0; i < 10'000; ++i) {
      if (!forge(address)) return;
    }
    ADD_FAILURE() << address << " can forge for ever";
  }
  /// From addresses that nobody has heard of before, until none is let through.
  void use_up_all(const std::string& prefix) {
    for (int i = 0; i < 60'000; ++i) {
      if (!forge(prefix + std::to_string(i / 250) + "." + std::to_string(i % 250))) return;
    }
    ADD_FAILURE() << "there is no bound for all";
  }

  CheckBudget budget_{{.threads = 2}};
  CheckBudget::Time now_ = std::chrono::steady_clock::now() + seconds{60};
  microseconds checked_{0};
};

TEST_F(CheckBudgetTest, WhoForgesUsesUpTheirOwnShare) {
  use_up("192.0.2.1");
  EXPECT_GE(checked_, milliseconds{19});
  EXPECT_LE(checked_, milliseconds{21});
  EXPECT_FALSE(is_left("192.0.2.1"));
  EXPECT_FALSE(is_left("::ffff:192.0.2.1"));
  EXPECT_TRUE(is_left("192.0.2.2"));
  EXPECT_TRUE(is_left("2001:db8::1"));
  now_ += seconds{2};
  EXPECT_TRUE(is_left("192.0.2.1"));
}

TEST_F(CheckBudgetTest, AnAddressHasItsShareOfTheTime) {
  use_up("192.0.2.1");
  checked_ = microseconds{0};
  for (int i = 0; i < 100'000; ++i, now_ += microseconds{100}) forge("192.0.2.1");  // ten seconds
  EXPECT_GE(checked_, milliseconds{150});
  EXPECT_LE(checked_, milliseconds{210});
}

TEST_F(CheckBudgetTest, Ipv6IsCountedByNetwork) {
  use_up("2001:db8:1:2::3");
  EXPECT_FALSE(is_left("2001:db8:1:2:ffff::4"));
  EXPECT_FALSE(is_left("2001:db8:1:2::5%eth0"));
  EXPECT_TRUE(is_left("2001:db8:1:3::3"));
}

TEST_F(CheckBudgetTest, AllTogetherHaveAShareAndWhoHasForgedIsRefusedFirst) {
  // A hundred addresses for ten seconds: each of them would be within its own share.
  const auto forge_all = [this] {
    for (int i = 0; i < 100'000; ++i, now_ += microseconds{100}) forge("192.0.2." + std::to_string(i % 100));
  };
  forge_all();
  checked_ = microseconds{0};
  forge_all();
  EXPECT_GE(checked_, milliseconds{900});  // 5 % of two threads
  EXPECT_LE(checked_, milliseconds{1'010});
  for (int i = 0; i < 100; ++i) forge("192.0.2." + std::to_string(i));  // what this moment has left
  EXPECT_FALSE(is_left("192.0.2.1"));
  EXPECT_TRUE(is_left("198.51.100.7"));
  EXPECT_TRUE(is_left("2001:db8::1"));
}

TEST_F(CheckBudgetTest, SoManyNewAddressesDoNotTakeTheProcessor) {
  use_up_all("10.1.");
  EXPECT_FALSE(is_left("198.51.100.7"));
  checked_ = microseconds{0};
  for (int i = 0; i < 50'000; ++i, now_ += microseconds{20}) {  // a second, each address once
    forge("10.2." + std::to_string(i / 250) + "." + std::to_string(i % 250));
  }
  EXPECT_GE(checked_, milliseconds{350});  // 20 % of two threads
  EXPECT_LE(checked_, milliseconds{410});
  now_ += seconds{1};
  EXPECT_TRUE(is_left("198.51.100.7"));
}

TEST_F(CheckBudgetTest, WhatAnAttackHasUsedUpEndsWithIt) {
  use_up_all("10.1.");
  for (int i = 0; i < 500'000; ++i, now_ += microseconds{20}) {  // ten seconds
    forge("10." + std::to_string(2 + i / 62'500) + "." + std::to_string(i / 250 % 250) + "." + std::to_string(i % 250));
  }
  now_ += seconds{2};
  forge("198.51.100.7");
  EXPECT_TRUE(is_left("198.51.100.7"));  // although it has forged lately
}

TEST_F(CheckBudgetTest, OneCustomerMayHaveManyIpv6Networks) {
  for (int i = 0; i < 5'000; ++i) forge("2001:db8:1:" + std::to_string(i % 9'999) + "::1");
  EXPECT_LE(checked_, milliseconds{101});  // as one address that has forged lately
  EXPECT_FALSE(is_left("2001:db8:1:abcd::1"));
  EXPECT_TRUE(is_left("2001:db8:2:abcd::1"));
  EXPECT_TRUE(is_left("198.51.100.7"));
}

TEST_F(CheckBudgetTest, AFullTableLetsSomebodyThroughAndNobodyElseIsCharged) {
  CheckBudget small({.share_of_all = 0.99, .threads = 1000, .addresses_max = 8});
  const auto forge_at = [&](const std::string& address) { small.charge(small.sender(address), now_, milliseconds{1}); };
  for (int i = 0; i < 100; ++i) forge_at("192.0.2." + std::to_string(i));
  for (int i = 0; i < 250; ++i) {
    EXPECT_TRUE(small.is_left(small.sender("198.51.100." + std::to_string(i)), now_));
  }
  for (int i = 0; i < 50; ++i) forge_at("192.0.2.200");
  EXPECT_FALSE(small.is_left(small.sender("192.0.2.200"), now_));
}

TEST_F(CheckBudgetTest, ABudgetThatIsOff) {
  CheckBudget unbounded({.share_of_all = 1});
  const auto sender = unbounded.sender("192.0.2.1");
  for (int i = 0; i < 10'000; ++i) unbounded.charge(sender, now_, milliseconds{2});
  EXPECT_TRUE(unbounded.is_left(sender, now_));
}

}  // namespace
}  // namespace flashsale::identity
