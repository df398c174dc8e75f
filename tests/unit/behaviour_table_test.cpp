#include "flashsale/identity/behaviour_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "flashsale/identity/behaviour_notes.hpp"

namespace flashsale::identity {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint kOpening = from_unix_us(1'800'000'000'000'000);
constexpr std::size_t kAll = 1'000'000;

class BehaviourTableTest : public ::testing::Test {
 protected:
  void come(const std::string& customer, milliseconds after, const std::string& network = "home") {
    table.observe({7, customer, network, kOpening + after}, moments);
  }
  std::vector<BehaviourTable::Finding> take(std::size_t count = kAll) { return table.take_findings(count); }
  /// Of those that are new.
  [[nodiscard]] static const BehaviourTable::Finding* of(const std::vector<BehaviourTable::Finding>& findings,
                                                         const std::string& customer) {
    const auto found = std::ranges::find(findings, customer, &BehaviourTable::Finding::customer_id);
    return found == findings.end() ? nullptr : &*found;
  }

  SellingMoments moments{kOpening, {}};
  BehaviourTable table{{.customers_max = 4096, .findings_of_band_max = 5000}};
};

TEST_F(BehaviourTableTest, PeopleAreNoFinding) {
  for (int i = 0; i < 500; ++i) come("person-" + std::to_string(i), milliseconds(300 + 37 * i), std::to_string(i));
  come("person-3", milliseconds(5000));
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(table.bands()[0], 500U);
}

TEST_F(BehaviourTableTest, ABurstIsTheLongestRowOfShortGaps) {
  for (const int after : {0, 20, 40, 1000, 1030, 1060, 1090, 1150, 1211, 4000}) {
    come("bot", seconds(60) + milliseconds(after));
  }
  const auto findings = take();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].behaviour.burst, 5U);
  EXPECT_EQ(findings[0].behaviour.burst_ms, 150U);
  EXPECT_EQ(findings[0].behaviour.burst_at, kOpening + seconds(61));
  EXPECT_EQ(findings[0].behaviour.checkouts, 10U);
  EXPECT_EQ(findings[0].behaviour.rhythm.count, 1U);  // the gap of 61 ms; 960 and 2789 ms are a Retry-After's
  EXPECT_FALSE(findings[0].was_found);
}

TEST_F(BehaviourTableTest, ATimerHasARhythm) {
  for (int i = 0; i < 30; ++i) come("bot", seconds(10) + milliseconds(250 * i + i % 3));
  const auto findings = take();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].behaviour.rhythm.count, 29U);
  EXPECT_NEAR(findings[0].behaviour.rhythm.mean, 250, 1);
  EXPECT_GE(findings[0].score, kUnlikePeople);
}

TEST_F(BehaviourTableTest, OnlyTheFirstCheckoutAfterTheOpeningIsAReaction) {
  come("bot", milliseconds(12));
  come("bot", milliseconds(2000));
  come("clicks-all-the-time", milliseconds(-300));
  come("clicks-all-the-time", milliseconds(12));
  come("was-too-early", milliseconds(-3000));
  come("was-too-early", milliseconds(12));
  come("late", milliseconds(5001));
  const auto findings = take();
  ASSERT_NE(of(findings, "bot"), nullptr);
  EXPECT_EQ(of(findings, "bot")->behaviour.opening_ms, 12U);
  EXPECT_EQ(of(findings, "clicks-all-the-time"), nullptr);
  EXPECT_NE(of(findings, "was-too-early"), nullptr);
  EXPECT_EQ(of(findings, "late"), nullptr);
}

TEST_F(BehaviourTableTest, ASaleThatIsOpenedByHandHasNoOpening) {
  moments.opening.reset();
  come("bot", milliseconds(12));
  EXPECT_TRUE(take().empty());
}

TEST_F(BehaviourTableTest, ReturnsOfUnitsAreMomentsToo) {
  for (int i = 1; i <= 4; ++i) {
    moments.returns.push_back(kOpening + seconds(20 * i));
    come("bot", seconds(20 * i) + milliseconds(40));
    come("watches", seconds(20 * i) + milliseconds(900));
    come("clicks-all-the-time", seconds(20 * i) - milliseconds(500));
    come("clicks-all-the-time", seconds(20 * i) + milliseconds(30));
  }
  const auto findings = take();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].customer_id, "bot");
  EXPECT_EQ(findings[0].behaviour.returns, 4U);
  EXPECT_EQ(findings[0].behaviour.fast_returns, 4U);
}

TEST_F(BehaviourTableTest, AccountsOfOneAddressAreSeenTogether) {
  for (int i = 0; i < 20; ++i) {
    come("rotates-" + std::to_string(i), milliseconds(10 + i), "one");
    come("relay-" + std::to_string(i), seconds(20) + milliseconds(100 * i + i % 4), "two");
    come("pupil-" + std::to_string(i), milliseconds(200 + 15 * i * i), "school");
  }
  const auto findings = take();
  for (int i = 0; i < 20; ++i) {
    const auto* const rotates = of(findings, "rotates-" + std::to_string(i));
    ASSERT_NE(rotates, nullptr) << i;
    EXPECT_EQ(rotates->behaviour.neighbours, 20U);
    EXPECT_EQ(rotates->behaviour.fast_neighbours, 20U);
    EXPECT_GE(rotates->score, 75) << i;
    EXPECT_NE(of(findings, "relay-" + std::to_string(i)), nullptr) << i;
    EXPECT_EQ(of(findings, "pupil-" + std::to_string(i)), nullptr) << i;
  }
}

TEST_F(BehaviourTableTest, GivesOutWhatIsNewSinceTheLastTime) {
  for (int i = 0; i < 12; ++i) come("bot", milliseconds(9000 + 10 * i));
  ASSERT_EQ(take().size(), 1U);
  EXPECT_TRUE(take().empty());
  for (int i = 0; i < 12; ++i) come("bot", seconds(30) + milliseconds(250 * i));
  const auto again = take();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_TRUE(again[0].was_found);
  EXPECT_GE(again[0].score, 90) << "a rhythm besides the burst";
  table.put_back(again[0]);
  EXPECT_EQ(take().size(), 1U);
  table.forget(7, "bot");
  table.put_back(again[0]);
  EXPECT_TRUE(take().empty());
}

TEST_F(BehaviourTableTest, WhoGoesOnWithoutANewScoreIsGivenOutWhenItIsQuietAgain) {
  for (int i = 0; i < 12; ++i) come("bot", milliseconds(9000 + 10 * i));
  ASSERT_EQ(take().size(), 1U);
  std::size_t given_out = 0;
  for (int i = 0; i < 1500; ++i) {
    come("bot", seconds(20 + i));
    given_out += take().size();
    EXPECT_TRUE(table.has_news() || given_out > 0);
  }
  EXPECT_EQ(given_out, 2U) << "once in ten minutes";
  std::vector<BehaviourTable::Finding> last;
  for (unsigned pass = 0; pass < BehaviourTable::kQuietPasses && last.empty(); ++pass) last = take();
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0].behaviour.checkouts, 1512U);
  EXPECT_EQ(last[0].seen_at, kOpening + seconds(20 + 1499));
  EXPECT_FALSE(table.has_news());
  for (int look = 0; look < 10; ++look) EXPECT_TRUE(take().empty());
}

TEST_F(BehaviourTableTest, WhatIsHeldBackIsGivenOutAtTheEnd) {
  for (int i = 0; i < 12; ++i) come("bot", milliseconds(9000 + 10 * i));
  ASSERT_EQ(take().size(), 1U);
  come("bot", seconds(30));
  EXPECT_TRUE(take().empty());
  EXPECT_TRUE(table.has_news());
  EXPECT_EQ(table.take_findings(kAll, BehaviourTable::Wanted::all).size(), 1U);
  EXPECT_TRUE(table.take_findings(kAll, BehaviourTable::Wanted::all).empty());
}

/// Others behind the same address move a score by and by.
TEST_F(BehaviourTableTest, ABandThatChangesIsGivenOutAtOnce) {
  come("bot", milliseconds(12));
  ASSERT_EQ(take().at(0).score, kUnlikePeople);
  for (int i = 0; i < 9; ++i) come("other-" + std::to_string(i), milliseconds(20 + i));
  const auto findings = take();
  const auto* const bot = of(findings, "bot");
  ASSERT_NE(bot, nullptr);
  EXPECT_EQ(behaviour_band(bot->score), BehaviourBand::very_high);
  come("person", seconds(20));
  EXPECT_EQ(of(take(), "bot"), nullptr) << "a neighbour more is hardly anything";
}

TEST_F(BehaviourTableTest, WhatCouldNotBeKeptTheFirstTimeIsNewOnceMore) {
  for (int i = 0; i < 12; ++i) come("bot", milliseconds(9000 + 10 * i));
  const auto first = take();
  table.put_back(first.at(0));
  const auto again = take();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_FALSE(again[0].was_found);
}

TEST_F(BehaviourTableTest, EverybodysTurnComes) {
  for (int i = 0; i < 100; ++i) {
    for (int j = 0; j < 5; ++j) come("bot-" + std::to_string(i), seconds(9) + milliseconds(300 * i + 10 * j));
  }
  std::vector<std::string> seen;
  for (int pass = 0; pass < 10; ++pass) {
    for (const auto& one : take(10)) seen.push_back(one.customer_id);
  }
  std::ranges::sort(seen);
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  EXPECT_EQ(seen.size(), 100U);
}

/// Somebody who was erased meanwhile does not come back by what others at the same address do.
TEST_F(BehaviourTableTest, WhoHasBeenQuietIsNotFoundForTheFirstTime) {
  for (int i = 0; i < 12; ++i) come("bot", seconds(10) + milliseconds(10 * i));
  come("somebody", seconds(75));
  EXPECT_EQ(of(take(), "bot"), nullptr);
  for (int i = 0; i < 12; ++i) come("bot", seconds(76) + milliseconds(10 * i));
  const auto findings = take();
  EXPECT_NE(of(findings, "bot"), nullptr);
}

/// A crowd of fresh accounts cannot hide the one that was seen.
TEST_F(BehaviourTableTest, AFloodPushesOutOnlyItself) {
  for (int i = 0; i < 12; ++i) come("bot", seconds(10) + milliseconds(10 * i));
  for (int i = 0; i < 200'000; ++i) come("fresh-" + std::to_string(i), seconds(20) + milliseconds(i / 5), "flood");
  const auto findings = take();
  EXPECT_NE(of(findings, "bot"), nullptr);
  std::uint64_t remembered = 0;
  for (const auto count : table.bands()) remembered += count;
  EXPECT_LE(remembered, 4096U);
}

TEST_F(BehaviourTableTest, EachBandHasRoomOfItsOwn) {
  BehaviourTable small({.customers_max = 4096, .findings_of_band_max = 10});
  const auto burst = [&](const std::string& who, int count) {
    for (int i = 0; i < count; ++i) small.observe({7, who, who, kOpening + seconds(10) + milliseconds(10 * i)}, {});
  };
  for (int i = 0; i < 100; ++i) burst("some-" + std::to_string(i), 4);
  EXPECT_EQ(small.take_findings(kAll).size(), 10U);
  burst("bot", 20);
  const auto findings = small.take_findings(kAll);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].customer_id, "bot");
}

TEST_F(BehaviourTableTest, NamesThatAreTooLongAreNotKept) {
  const std::string longest(BehaviourTable::kCustomerBytesMax, 'a');
  for (int i = 0; i < 12; ++i) {
    come(longest, seconds(10) + milliseconds(10 * i));
    come(longest + 'b', seconds(10) + milliseconds(10 * i));
  }
  const auto findings = take();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].customer_id, longest);
  EXPECT_EQ(findings[0].behaviour.checkouts, 12U);
}

TEST(BehaviourNotesTest, GiveBackWhatTheyWereGiven) {
  BehaviourNotes notes;
  const auto at = std::chrono::steady_clock::now();
  EXPECT_TRUE(notes.empty());
  notes.add({7, at, "alice", "127.0.0.1", "192.0.2.1, 10.0.0.1"});
  notes.add({8, at + milliseconds(1), "bob", "::1", ""});
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_EQ(notes.at(0).sale_no, 7);
  EXPECT_EQ(notes.at(0).customer_id, "alice");
  EXPECT_EQ(notes.at(0).peer_address, "127.0.0.1");
  EXPECT_EQ(notes.at(0).forwarded_for, "192.0.2.1, 10.0.0.1");
  EXPECT_EQ(notes.at(1).received_at, at + milliseconds(1));
  EXPECT_EQ(notes.at(1).customer_id, "bob");
  EXPECT_EQ(notes.at(1).forwarded_for, "");
  notes.clear();
  EXPECT_TRUE(notes.empty());
}

/// A cut through an address would be another address.
TEST(BehaviourNotesTest, OfALongListTheLastWholeAddressesAreKept) {
  BehaviourNotes notes;
  std::string list;
  for (int i = 0; i < 100; ++i) list += "198.51.100." + std::to_string(100 + i) + ", ";
  notes.add({7, {}, "alice", "127.0.0.1", list + "192.0.2.1"});
  const auto kept = notes.at(0).forwarded_for;
  EXPECT_LE(kept.size(), 256U);
  EXPECT_TRUE(kept.starts_with(" 198.51.100.")) << kept;
  EXPECT_TRUE(kept.ends_with(", 192.0.2.1")) << kept;
  notes.add({7, {}, "bob", "127.0.0.1", std::string(1000, '1')});
  EXPECT_EQ(notes.at(1).forwarded_for, "");
}

TEST(BehaviourNotesTest, AreBounded) {
  BehaviourNotes notes;
  for (int i = 0; i < 20'000; ++i) notes.add({7, {}, "alice", "127.0.0.1", ""});
  EXPECT_EQ(notes.size() + notes.left_out(), 20'000U);
  EXPECT_GT(notes.left_out(), 0U);
  notes.clear();
  EXPECT_EQ(notes.left_out(), 0U);
  const std::string longest(1000, 'a');
  for (int i = 0; i < 10'000; ++i) notes.add({7, {}, longest, "127.0.0.1", ""});
  EXPECT_LT(notes.size(), 3000U);
}

}  // namespace
}  // namespace flashsale::identity
