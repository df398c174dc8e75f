#include "flashsale/catalog/snapshot.hpp"

#include <gtest/gtest.h>

namespace flashsale::catalog {
namespace {

using namespace std::chrono_literals;

class SnapshotTest : public ::testing::Test {
 protected:
  static constexpr TimePoint kReading{1'800'000'000s};

  SnapshotTest() {
    Sale definition;
    definition.starts_at = kReading + 1h;
    definition.ends_at = kReading + 2h;
    snapshot.sale = std::make_shared<const Sale>(definition);
    snapshot.redis_version = definition.version;
    snapshot.serving = true;
    snapshot.clock.reading = kReading;
    snapshot.clock.sent_at = now;
    snapshot.clock.received_at = now + 1ms;
  }
  /// The machine stood still for so long after the pulse, and its steady clock with it.
  void suspend(std::chrono::nanoseconds duration) { snapshot.clock.paused_at_sending -= duration; }

  SteadyTime now = std::chrono::steady_clock::now();
  SaleSnapshot snapshot;
};

TEST_F(SnapshotTest, WhatAPulseHasToldAges) {
  EXPECT_TRUE(snapshot.sold_out_mark_lives(now + 200ms));
  EXPECT_FALSE(snapshot.sold_out_mark_lives(now + 251ms));
  EXPECT_TRUE(snapshot.surely_not_open(now + 100ms));
  EXPECT_FALSE(snapshot.surely_not_open(now + 151ms));
  EXPECT_EQ(snapshot.clock.earliest(now + 100ms), kReading + 99ms);
  EXPECT_EQ(snapshot.clock.latest(now + 100ms), kReading + 100ms);
}

TEST_F(SnapshotTest, ItAgesWhileTheMachineIsSuspended) {
  suspend(1h);
  EXPECT_FALSE(snapshot.sold_out_mark_lives(now + 10ms));
  EXPECT_FALSE(snapshot.surely_not_open(now + 10ms));
  EXPECT_GE(snapshot.clock.earliest(now + 10ms), kReading + 1h);
  EXPECT_GE(snapshot.clock.latest(now + 10ms), kReading + 1h);
}

}  // namespace
}  // namespace flashsale::catalog
