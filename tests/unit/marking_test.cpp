#include "catalog/marking.hpp"

#include <gtest/gtest.h>

#include "catalog/unpaid_items.hpp"
#include "flashsale/model/selling_times.hpp"
#include "pulse_sale.hpp"

namespace flashsale::catalog {
namespace {

using namespace std::chrono_literals;

const auto kIds = std::make_shared<const OrderIdSet>(std::vector<std::uint64_t>{1, 2});

/// A mark that was loaded while item 11 showed version 7 and nothing remained, and the pulses after it.
class MarkingTest : public ::testing::Test {
 protected:
  MarkingTest() { adopt_marks(marks, {1, 3, kIds, {{11, {7, 0}}}}, open_sale(1)); }

  /// One pulse, so long after the first; gives whether the mark holds.
  bool pulse(std::chrono::milliseconds after, ItemLevels level, TimePoint resting_until = {}) {
    auto sale = served(open_sale(1));
    sale.clock = clock_at(kReading + after, first + after);
    sale.resting_until = resting_until;
    sale.levels[0] = std::move(level);
    attach_marks(marks, sale);
    last = sale.levels[0];
    return last.sold_out_ids == kIds;
  }
  static ItemLevels sold_out(std::int64_t version) {
    ItemLevels level;
    level.version = version;
    return level;
  }
  static ItemLevels selling(std::int64_t version) {
    auto level = sold_out(version);
    level.remaining = 1;
    return level;
  }
  static ItemLevels resting(std::int64_t version, std::chrono::milliseconds until) {
    auto level = selling(version);
    level.sells_from = kReading + until;
    return level;
  }

  SteadyTime first = std::chrono::steady_clock::now();
  SaleMarks marks;
  ItemLevels last;
};

TEST_F(MarkingTest, AMarkHoldsWhileTheItemShowsTheSame) {
  for (const auto after : {0ms, 100ms, 60'000ms}) EXPECT_TRUE(pulse(after, sold_out(7)));
}

TEST_F(MarkingTest, AMarkDiesWhenTheItemHasMoved) {
  EXPECT_TRUE(pulse(0ms, sold_out(7)));
  // Units came back and were sold again between the two: of those orders it knows nothing.
  EXPECT_FALSE(pulse(100ms, sold_out(8)));
  EXPECT_FALSE(pulse(200ms, sold_out(7))) << "dead for good";
}

TEST_F(MarkingTest, AMarkDiesWhenTheItemSells) {
  EXPECT_TRUE(pulse(0ms, sold_out(7)));
  EXPECT_FALSE(pulse(100ms, selling(8)));
}

TEST_F(MarkingTest, AMarkGoesOnWhileWhatCameBackRests) {
  EXPECT_TRUE(pulse(0ms, sold_out(7)));
  EXPECT_TRUE(pulse(100ms, resting(8, 550ms)));
  // More comes back: it rests no shorter than the first.
  EXPECT_TRUE(pulse(300ms, resting(9, 550ms)));
  EXPECT_FALSE(pulse(600ms, resting(9, 550ms))) << "it sells";
}

struct Gap {
  const char* name;
  std::chrono::milliseconds since_last;  ///< pulse
  bool holds;
};

/// What came back since the last pulse rests for half a second from then on at least. When the pulse was away for
/// longer, it may have been sold and have come back once more.
TEST_F(MarkingTest, AMarkIsNotTakenOverALongGap) {
  const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(kRestockRest);
  for (const auto& gap : {Gap{"short", 100ms, true}, Gap{"just within", rest - 10ms, true},
                          Gap{"as long as the rest", rest, false}, Gap{"long", 2s, false}}) {
    SCOPED_TRACE(gap.name);
    marks = {};
    adopt_marks(marks, {1, 3, kIds, {{11, {7, 0}}}}, open_sale(1));
    EXPECT_TRUE(pulse(0ms, sold_out(7)));
    EXPECT_EQ(pulse(gap.since_last, resting(8, gap.since_last + 400ms)), gap.holds);
  }
}

TEST_F(MarkingTest, OrdersThatAreReservedAgainAfterARebuildEndAMark) {
  EXPECT_TRUE(pulse(0ms, sold_out(7)));
  EXPECT_FALSE(pulse(100ms, resting(8, 550ms), kReading - 100ms));
}

TEST_F(MarkingTest, UnitsThatRestLongerThanAnyRestSellAtOnce) {
  // The clock of Redis has stepped back meanwhile.
  EXPECT_FALSE(pulse(0ms, resting(7, 10s)));
  EXPECT_EQ(last.sells_from, TimePoint{});
}

TEST_F(MarkingTest, MarksOfAnotherEpochAreNotTaken) {
  auto later = open_sale(1);
  later.epoch = 4;
  SaleMarks fresh;
  adopt_marks(fresh, {1, 3, kIds, {{11, {7, 0}}}}, later);
  EXPECT_TRUE(fresh.items.empty());
  adopt_marks(marks, {1, 4, kIds, {{12, {7, 0}}}}, later);
  EXPECT_FALSE(marks.items.contains(11)) << "an older one does not outlive its epoch";
  EXPECT_TRUE(marks.items.contains(12));
}

TEST_F(MarkingTest, MarksEndWithTheirEpoch) {
  auto definition = open_sale(1);
  definition.epoch = 4;
  auto sale = served(definition);
  sale.levels[0] = sold_out(7);
  attach_marks(marks, sale);
  EXPECT_FALSE(sale.levels[0].sold_out_ids);
}

struct HeldCase {
  const char* name;
  PaymentMode payment;
  bool is_quiet;
  std::int64_t remaining;
  std::int64_t log_entries;
  bool all_is_paid;
  bool held;
};

TEST(MarkHeldTest, SoldOutIsHeldBackWhileUnitsMayComeBack) {
  using enum PaymentMode;
  for (const auto& held : {HeldCase{"not known yet", required, false, 0, 0, false, true},
                           HeldCase{"all is paid", required, false, 0, 0, true, false},
                           HeldCase{"paid, but orders are not written yet", required, false, 0, 3, true, true},
                           HeldCase{"some remain", required, false, 1, 3, false, false},
                           HeldCase{"quiet", required, true, 0, 0, false, false},
                           HeldCase{"without payment", none, false, 0, 3, false, false}}) {
    SCOPED_TRACE(held.name);
    auto definition = open_sale(1);
    definition.payment = held.payment;
    auto sale = served(definition);
    sale.is_quiet = held.is_quiet;
    sale.log_entries = held.log_entries;
    sale.levels[0].remaining = held.remaining;
    UnpaidItems unpaid;
    const std::vector<postgres::ItemOfSale> items{{1, 11}};
    unpaid.ask(items);
    if (held.all_is_paid) unpaid.answer(items, {});
    mark_held(sale, unpaid);
    EXPECT_EQ(sale.levels[0].held, held.held);
  }
}

}  // namespace
}  // namespace flashsale::catalog
