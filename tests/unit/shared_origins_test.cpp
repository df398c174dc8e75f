#include "flashsale/insight/shared_origins.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flashsale::insight {
namespace {

constexpr std::int64_t kHour = SharedOrigins::kWindowSeconds;
constexpr std::int64_t kStartS = 500'000 * kHour;

TimePoint at_s(std::int64_t seconds) { return TimePoint{std::chrono::seconds{kStartS + seconds}}; }

std::string hash_of(int number) {
  const auto digits = std::to_string(number);
  return std::string(32 - digits.size(), '0') + digits;
}
const std::string kHome = "0123456789abcdeffedcba9876543210";

TEST(SharedOriginsTest, CountsCustomersOnceAndOrdersEach) {
  SharedOrigins origins;
  for (const char* customer : {"a", "b", "a", "c"}) origins.add(at_s(1), OriginKind::address, kHome, customer);
  origins.add(at_s(2), OriginKind::address, hash_of(7), "a");
  origins.add(at_s(3), OriginKind::card, kHome, "a");
  EXPECT_EQ(origins.top(OriginKind::address, 5), (std::vector<SharedOrigins::Origin>{{kStartS, kHome, 4, 3}}));
  EXPECT_TRUE(origins.top(OriginKind::card, 5).empty());
  EXPECT_EQ(origins.customers_max(OriginKind::address, at_s(3)), 3);
  EXPECT_EQ(origins.customers_max(OriginKind::card, at_s(3)), 1);
  EXPECT_EQ(origins.count_shared(OriginKind::address, 2, at_s(3)), 1);
  EXPECT_EQ(origins.count_shared(OriginKind::address, 4, at_s(3)), 0);
}

TEST(SharedOriginsTest, ShowsTheMostCustomersFirst) {
  SharedOrigins origins;
  for (int number = 1; number <= 9; ++number) {
    for (int customer = 0; customer < number; ++customer)
      origins.add(at_s(number), OriginKind::card, hash_of(number), std::to_string(customer));
  }
  const auto top = origins.top(OriginKind::card, 3);
  ASSERT_EQ(top.size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(top[static_cast<std::size_t>(i)].hash, hash_of(9 - i));
  EXPECT_EQ(origins.count_shared(OriginKind::card, 5, at_s(0)), 5);
}

TEST(SharedOriginsTest, GoesByTheHourOfTheEvents) {
  SharedOrigins origins;
  for (const char* customer : {"a", "b"}) origins.add(at_s(kHour - 1), OriginKind::address, kHome, customer);
  for (const char* customer : {"a", "b", "c"}) origins.add(at_s(kHour), OriginKind::address, kHome, customer);
  EXPECT_EQ(origins.top(OriginKind::address, 5),
            (std::vector<SharedOrigins::Origin>{{kStartS + kHour, kHome, 3, 3}, {kStartS, kHome, 2, 2}}));
  // Two hours later there is nothing to tell of it, and what comes for the first hour is too late.
  EXPECT_EQ(origins.customers_max(OriginKind::address, at_s(2 * kHour)), 3);
  EXPECT_EQ(origins.customers_max(OriginKind::address, at_s(3 * kHour)), 0);
  EXPECT_EQ(origins.count_shared(OriginKind::address, 2, at_s(3 * kHour)), 0);
  origins.add(at_s(2 * kHour), OriginKind::card, kHome, "a");
  origins.add(at_s(0), OriginKind::address, kHome, "z");
  EXPECT_EQ(origins.top(OriginKind::address, 5), (std::vector<SharedOrigins::Origin>{{kStartS + kHour, kHome, 3, 3}}));
}

TEST(SharedOriginsTest, WhatManyHaveInCommonStaysWhenThereIsNoRoom) {
  SharedOrigins origins(100);
  for (int customer = 0; customer < 40; ++customer)
    origins.add(at_s(1), OriginKind::address, kHome, "many-" + std::to_string(customer));
  for (int number = 0; number < 1000; ++number)
    origins.add(at_s(2), OriginKind::address, hash_of(number), "once-" + std::to_string(number));
  EXPECT_EQ(origins.customers_max(OriginKind::address, at_s(2)), 40);
  EXPECT_EQ(origins.list().size(), 61u);
  EXPECT_EQ(origins.forgotten(), 940);
  EXPECT_EQ(origins.list().back().hash, hash_of(999));
  // One that alone has more customers than there is room for.
  for (int customer = 0; customer < 200; ++customer)
    origins.add(at_s(3), OriginKind::card, kHome, "c-" + std::to_string(customer));
  EXPECT_EQ(origins.customers_max(OriginKind::card, at_s(3)), 100);
}

TEST(SharedOriginsTest, AnErasureTakesTheNameOutAndCountsOn) {
  SharedOrigins origins;
  for (const char* customer : {"alice", "bob"}) origins.add(at_s(1), OriginKind::address, kHome, customer);
  const auto before = origins.list().front().customers;
  origins.rename("alice", "erased-1");
  origins.rename("nobody", "erased-2");
  EXPECT_NE(origins.list().front().customers, before);
  EXPECT_EQ(origins.customers_max(OriginKind::address, at_s(1)), 2);
  origins.add(at_s(2), OriginKind::address, kHome, "erased-1");
  EXPECT_EQ(origins.customers_max(OriginKind::address, at_s(2)), 2);
  origins.rename("bob", "erased-1");
  EXPECT_EQ(origins.customers_max(OriginKind::address, at_s(2)), 1);
}

TEST(SharedOriginsTest, WhatIsNoHashIsLeftOut) {
  SharedOrigins origins;
  for (const char* bad : {"", "x", "0123456789abcdeffedcba987654321", "0123456789abcdefg123456789abcdef",
                          "-123456789abcdef0123456789abcdef0", " 123456789abcdef0123456789abcdef0"})
    origins.add(at_s(1), OriginKind::address, bad, "a");
  origins.add(at_s(1), OriginKind::address, kHome, "");
  EXPECT_TRUE(origins.list().empty());
}

}  // namespace
}  // namespace flashsale::insight
