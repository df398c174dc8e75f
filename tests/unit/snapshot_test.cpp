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
  void suspend(std::chrono::nanoseconds duration) {
    for (auto* paused : {&snapshot.clock.paused_at_sending, &snapshot.clock.paused_at_receipt}) {
      paused->at_least -= duration;
      paused->at_most -= duration;
    }
  }

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

/// Readings around each of which the machine may be suspended for a second, or the thread may wait for one.
class PauseTest : public ::testing::Test {
 protected:
  enum class Moment { never, before_sending, at_sending, on_the_way, at_receipt, later, now };
  enum class Kind { suspension, wait };

  /// Reads its clocks as paused_time() does.
  PausedTime read(bool interrupt_before, bool interrupt_after) {
    const auto before = steady_ + suspended_;
    if (interrupt_before) interrupt();
    const auto steady = steady_;
    if (interrupt_after) interrupt();
    return paused_between(before, steady, steady_ + suspended_);
  }
  void interrupt() { (kind_ == Kind::suspension ? suspended_ : steady_) += 1s; }
  [[nodiscard]] SteadyTime steady() const { return SteadyTime(steady_); }
  /// Redis's, which is on another machine.
  [[nodiscard]] TimePoint redis() const {
    return TimePoint(1'800'000'000s) + std::chrono::duration_cast<std::chrono::microseconds>(steady_ + suspended_);
  }

  void check(Kind kind, Moment moment, bool before, bool after) {
    kind_ = kind;
    RedisClock clock;
    if (moment == Moment::before_sending) interrupt();
    clock.paused_at_sending = read(moment == Moment::at_sending && before, moment == Moment::at_sending && after);
    clock.sent_at = steady();
    steady_ += 1ms;
    if (moment == Moment::on_the_way && before) interrupt();
    clock.reading = redis();
    if (moment == Moment::on_the_way && after) interrupt();
    steady_ += 1ms;
    clock.received_at = steady();
    clock.paused_at_receipt = read(moment == Moment::at_receipt && before, moment == Moment::at_receipt && after);
    if (moment == Moment::later) interrupt();
    const auto asked_at = redis();
    const auto now = steady();
    const auto paused = read(moment == Moment::now && before, moment == Moment::now && after);
    EXPECT_GE(clock.latest(now, paused), asked_at);
    EXPECT_LE(clock.earliest(now, paused), redis());
    // What a caller waits for by the steady clock ends no sooner by Redis's than what was told to Redis.
    EXPECT_LE(clock.earliest(now, paused),
              redis() - std::chrono::duration_cast<std::chrono::microseconds>(steady() - now));
  }

 private:
  std::chrono::nanoseconds steady_{1h};
  std::chrono::nanoseconds suspended_{1min};
  Kind kind_ = Kind::suspension;
};

TEST_F(PauseTest, NothingBetweenTwoReadingsMakesTheBoundsNarrower) {
  using enum Moment;
  for (const auto kind : {Kind::suspension, Kind::wait}) {
    for (const auto moment : {never, before_sending, at_sending, on_the_way, at_receipt, later, now}) {
      for (const auto& [before, after] : {std::pair{true, false}, std::pair{false, true}, std::pair{true, true}}) {
        SCOPED_TRACE(testing::Message() << static_cast<int>(kind) << ' ' << static_cast<int>(moment) << ' ' << before
                                        << after);
        check(kind, moment, before, after);
      }
    }
  }
}

}  // namespace
}  // namespace flashsale::catalog
