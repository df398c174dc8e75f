#include "flashsale/checkout/sale_troubles.hpp"

#include <gtest/gtest.h>

namespace flashsale::checkout {
namespace {

using namespace std::chrono_literals;
using Others = SaleTroubles::Others;
using Next = SaleTroubles::Next;

class SaleTroublesTest : public ::testing::Test {
 protected:
  Next fail(std::int32_t sale_no, const SaleTroubles::Failed& how) { return troubles.failed(sale_no, now, how); }
  void fail_away(std::int32_t sale_no) { fail(sale_no, {.orders = 10, .took = 1ms, .is_away = true}); }
  void hang(std::int32_t sale_no) { fail(sale_no, {.orders = 10, .took = 6s, .is_away = true}); }
  [[nodiscard]] bool may_begin(std::int32_t sale_no, Others others = Others::first) const {
    return troubles.may_begin(sale_no, now, others);
  }
  /// As a worker that waits does.
  [[nodiscard]] SaleTroubles::Clock::duration time_until_next() const { return *troubles.next_change(now) - now; }

  SaleTroubles troubles{1000};
  SaleTroubles::Clock::time_point now = SaleTroubles::Clock::now();
};

TEST_F(SaleTroublesTest, ASaleThatFailsIsPutOffLongerEachTimeAndNoOther) {
  for (const auto pause : {20ms, 40ms, 80ms, 160ms, 320ms, 500ms, 500ms}) {
    fail_away(1);
    EXPECT_FALSE(may_begin(1));
    EXPECT_TRUE(may_begin(2));
    troubles.written(2, now, 1);
    EXPECT_EQ(time_until_next(), pause);
    now += pause;
    EXPECT_TRUE(may_begin(1));
    EXPECT_EQ(troubles.batch_max(1), 1000U) << "it is not the batch";
  }
  troubles.written(1, now, 10);
  EXPECT_TRUE(troubles.none());
  fail_away(1);
  EXPECT_EQ(time_until_next(), 20ms);
}

TEST_F(SaleTroublesTest, OneWorkerAtATimeIsAtASaleThatFails) {
  troubles.begin(1, 10);
  EXPECT_TRUE(may_begin(1));
  troubles.begin(1, 10);
  fail_away(1);
  troubles.end(1);
  now += 1s;
  EXPECT_FALSE(may_begin(1)) << "the other one is still at it";
  troubles.end(1);
  EXPECT_TRUE(may_begin(1));
}

TEST_F(SaleTroublesTest, SalesWhoseTriesTakeLongHoldOneWorkerBetweenThem) {
  for (const auto sale_no : {1, 2, 3}) hang(sale_no);
  fail_away(4);
  now += 1min;
  EXPECT_TRUE(may_begin(1));
  troubles.begin(1, 10);
  for (const auto sale_no : {1, 2, 3}) EXPECT_FALSE(may_begin(sale_no));
  EXPECT_TRUE(may_begin(4)) << "a quick try keeps no worker";
  EXPECT_TRUE(may_begin(5));
  troubles.end(1);
  EXPECT_TRUE(may_begin(2));
}

TEST_F(SaleTroublesTest, OthersHaveTheirTurnForAsLongAsASlowTryTook) {
  hang(1);
  now += 1s;
  EXPECT_FALSE(may_begin(1));
  EXPECT_TRUE(may_begin(1, Others::have_nothing));
  EXPECT_EQ(time_until_next(), 5s);
  now += 5s;
  EXPECT_TRUE(may_begin(1));
}

TEST_F(SaleTroublesTest, WhileNothingIsWrittenThereIsAPauseBetweenTheTriesOfAnySale) {
  for (std::int32_t sale_no = 1; sale_no <= 10; ++sale_no) fail_away(sale_no);
  now += 50ms;
  for (std::int32_t sale_no = 1; sale_no <= 10; ++sale_no) EXPECT_FALSE(may_begin(sale_no));
  EXPECT_EQ(time_until_next(), 50ms);
  now += 50ms;
  fail_away(1);
  EXPECT_FALSE(may_begin(2));
  troubles.written(3, now, 10);
  EXPECT_TRUE(may_begin(2)) << "PostgreSQL is back";
  EXPECT_FALSE(may_begin(1)) << "which failed just now";
}

TEST_F(SaleTroublesTest, ABatchThatFailsBecomesSmallerUntilOneOrderIsAlone) {
  const auto fail_often = [&](std::size_t orders) {
    EXPECT_EQ(fail(1, {.orders = orders, .took = 1ms}), Next::again);
    EXPECT_EQ(fail(1, {.orders = orders, .took = 1ms}), Next::again);
    return fail(1, {.orders = orders, .took = 1ms});
  };
  EXPECT_EQ(fail_often(5), Next::again);
  EXPECT_EQ(troubles.batch_max(1), 2U);
  EXPECT_EQ(troubles.batch_max(2), 1000U);
  EXPECT_EQ(fail_often(2), Next::again);
  EXPECT_EQ(troubles.batch_max(1), 1U);
  EXPECT_EQ(fail_often(1), Next::alone);
  EXPECT_TRUE(may_begin(1)) << "the others have no trouble";
  for (const std::size_t size : {2U, 4U, 8U}) {
    troubles.written(1, now, troubles.batch_max(1));
    EXPECT_EQ(troubles.batch_max(1), size);
  }
  troubles.written(1, now, 3);
  EXPECT_EQ(troubles.batch_max(1), 8U) << "that tells nothing of larger ones";
}

TEST_F(SaleTroublesTest, ABatchThatWasTooMuchIsHalvedAtOnceAndGrowsSlowly) {
  EXPECT_EQ(fail(1, {.orders = 32, .took = 6s, .took_long = true, .was_too_much = true}), Next::again);
  EXPECT_EQ(troubles.batch_max(1), 16U);
  troubles.written(1, now, 16);
  EXPECT_EQ(troubles.batch_max(1), 18U);
  for (int i = 0; i < 100; ++i) troubles.written(1, now, troubles.batch_max(1));
  EXPECT_EQ(troubles.batch_max(1), 1000U);
  EXPECT_EQ(fail(1, {.orders = 1, .took = 6s, .took_long = true, .was_too_much = true}), Next::alone);
  EXPECT_FALSE(may_begin(1)) << "it may be the sale";
}

TEST_F(SaleTroublesTest, AnAnswerEndsTheTroubleOfALookAndNotThatOfABatch) {
  fail(1, {.orders = 0, .took = 1ms, .is_away = true});
  fail_away(2);
  EXPECT_FALSE(may_begin(1));
  for (const auto sale_no : {1, 2, 3}) troubles.answered(sale_no);
  troubles.written(3, now, 1);
  EXPECT_TRUE(may_begin(1));
  EXPECT_FALSE(may_begin(2));
}

TEST_F(SaleTroublesTest, ASaleWaitsAloneOnceAnotherIsWritten) {
  fail_away(1);
  EXPECT_FALSE(troubles.waits_alone(1)) << "PostgreSQL may be away";
  now += 1ms;
  troubles.written(2, now, 1);
  EXPECT_TRUE(troubles.waits_alone(1));
  EXPECT_FALSE(troubles.waits_alone(2));
  EXPECT_EQ(troubles.waiting_alone(), std::vector<std::int32_t>{1});
  troubles.begin(1, 7);
  EXPECT_EQ(troubles.in_hand(1), 7U);
  troubles.end(1);
  EXPECT_EQ(troubles.in_hand(1), 0U);
}

}  // namespace
}  // namespace flashsale::checkout
