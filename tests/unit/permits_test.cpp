#include "flashsale/checkout/permits.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace flashsale::checkout {
namespace {

using namespace std::chrono_literals;

class PermitsTest : public ::testing::Test {
 protected:
  /// One interval in which so many orders were committed, each after `latency`.
  void commit(int count, std::chrono::milliseconds latency) {
    for (int i = 0; i < count; ++i) permits.committed_after(latency);
    permits.adapt();
  }
  void take_all() {
    while (permits.try_take()) ++held;
  }

  Permits permits{{.most = 1000, .least = 100, .latency_target = 50ms, .away_after = 500ms}};
  int held = 0;
};

TEST_F(PermitsTest, GivesAsManyAsItHas) {
  take_all();
  EXPECT_EQ(held, 1000);
  EXPECT_EQ(permits.taken(), 1000);
  EXPECT_FALSE(permits.try_take());
  permits.give_back();
  EXPECT_TRUE(permits.try_take());
}

/// All of them may have been taken before it turned out that somebody holds the item.
TEST_F(PermitsTest, OrdersThatAreHeldBackLeaveHalfToOthers) {
  take_all();
  EXPECT_FALSE(permits.try_take(500));
  while (permits.try_take(1000)) ++held;
  EXPECT_EQ(held, 1500);
  while (permits.try_take(1'000'000)) ++held;
  EXPECT_EQ(held, 2000);
}

TEST_F(PermitsTest, ShrinksWhileOrdersTakeTooLongButNotBelowTheLeast) {
  take_all();
  commit(100, 100ms);
  EXPECT_EQ(permits.limit(), 500);
  commit(100, 10s);
  EXPECT_EQ(permits.limit(), 250);
  for (int i = 0; i < 10; ++i) commit(100, 10s);
  EXPECT_EQ(permits.limit(), 100);
  EXPECT_FALSE(permits.try_take());
}

TEST_F(PermitsTest, GrowsAgainWhenTheyDoNot) {
  take_all();
  for (int i = 0; i < 10; ++i) commit(100, 10s);
  for (int i = 0; i < 40; ++i) commit(100, 10ms);
  EXPECT_EQ(permits.limit(), 1000);
}

/// PostgreSQL is away: what is taken waits in the pending log, up to the bound.
TEST_F(PermitsTest, OpensWhenNothingIsCommittedAtAll) {
  take_all();
  for (int i = 0; i < 10; ++i) commit(100, 10s);
  EXPECT_FALSE(permits.try_take());
  permits.adapt();
  EXPECT_EQ(permits.limit(), 100) << "a moment without a commit opened it";
  std::this_thread::sleep_for(600ms);
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(permits.try_take());
    permits.adapt();
  }
  EXPECT_EQ(permits.limit(), 1000);
}

TEST_F(PermitsTest, AnIdleProcessKeepsItsBound) {
  for (int i = 0; i < 10; ++i) permits.adapt();
  EXPECT_EQ(permits.limit(), 1000);
}

TEST_F(PermitsTest, TheLeastIsNeverMoreThanTheMost) {
  Permits few({.most = 8, .least = 512, .latency_target = 50ms, .away_after = 20ms});
  int held_here = 0;
  while (few.try_take()) ++held_here;
  few.committed_after(10s);
  few.adapt();
  EXPECT_EQ(held_here, 8);
  EXPECT_EQ(few.limit(), 8);
}

}  // namespace
}  // namespace flashsale::checkout
