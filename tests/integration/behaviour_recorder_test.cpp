#include "flashsale/checkout/behaviour_recorder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "integration/postgres_fixture.hpp"

namespace flashsale::checkout {
namespace {

using testing::PostgresDatabase;
using namespace std::chrono_literals;

/// A recorder that is given notes by hand, of a sale that has opened at a moment of the stores' clock, which is ahead
/// of this process's.
class BehaviourRecorderTest : public ::testing::Test {
 protected:
  BehaviourRecorderTest() { recorder.observe(snapshot_of({})); }

  [[nodiscard]] BehaviourRecorder::Options options() const {
    BehaviourRecorder::Options options;
    options.postgres = database.options();
    return options;
  }

  [[nodiscard]] std::shared_ptr<const catalog::Snapshot> snapshot_of(TimePoint sells_from) {
    auto sale = std::make_shared<catalog::SaleSnapshot>();
    sale->sale = std::make_shared<const Sale>(definition);
    sale->known_levels = true;
    sale->clock.reading = opening + 30s;
    sale->clock.sent_at = sale->clock.received_at = begin + 30s;
    sale->levels.resize(1);
    sale->levels[0].sells_from = sells_from;
    auto index = std::make_shared<catalog::Index>();
    index->sales.emplace(definition.id, 0);
    index->numbers.emplace(definition.sale_no, 0);
    auto snapshot = std::make_shared<catalog::Snapshot>();
    snapshot->sales.push_back(sale);
    snapshot->index = index;
    return snapshot;
  }

  void note(const std::string& customer, std::chrono::milliseconds after, const std::string& forwarded_for) {
    notes.add({definition.sale_no, begin + after, customer, "127.0.0.1", forwarded_for});
  }
  std::vector<postgres::CustomerBehaviour> written() {
    auto rows = postgres::read_behaviour(session, definition.sale_no);
    EXPECT_TRUE(rows);
    return rows ? *rows : std::vector<postgres::CustomerBehaviour>();
  }

  PostgresDatabase database;
  postgres::Session session = database.connect();
  Sale definition = testing::created_sale(session, "drop", {10});
  TimePoint opening = definition.starts_at;
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now() - 1h;
  std::vector<std::string> trusted{"127.0.0.1/32"};
  identity::GatewayPeers proxies{trusted};
  telemetry::Metrics metrics;
  identity::BehaviourNotes notes;
  BehaviourRecorder recorder{options(), proxies, metrics};
};

TEST_F(BehaviourRecorderTest, ReactionsCountByTheClockOfTheStores) {
  ASSERT_EQ(definition.state, SaleState::scheduled);
  note("bot", 12ms, "192.0.2.1");
  note("person", 700ms, "192.0.2.2");
  recorder.take(notes);
  EXPECT_TRUE(notes.empty());
  recorder.stop();
  const auto rows = written();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].customer_id, "bot");
  EXPECT_EQ(rows[0].behaviour.opening_ms, 12U);
  EXPECT_EQ(rows[0].seen_at, opening + 12ms);
  EXPECT_EQ(rows[0].score, kUnlikePeople);
}

TEST_F(BehaviourRecorderTest, NeighboursAreThoseBehindTheAddressThatAProxyNames) {
  for (int i = 0; i < 12; ++i) {
    const auto number = std::to_string(i);
    note("rotates-" + number, std::chrono::milliseconds(10 + i), "203.0.113.7, 192.0.2.1");
    note("alone-" + number, std::chrono::milliseconds(30 + i), "198.51.100." + number);
    note("same-64-" + number, std::chrono::milliseconds(50 + i), "2001:db8::" + number);
  }
  recorder.take(notes);
  recorder.stop();
  const auto rows = written();
  ASSERT_EQ(rows.size(), 36U);
  for (const auto& row : rows) {
    const bool is_alone = row.customer_id.starts_with("alone-");
    EXPECT_EQ(row.behaviour.neighbours, is_alone ? 1U : 12U) << row.customer_id;
    EXPECT_EQ(row.score >= 75, !is_alone) << row.customer_id;
  }
}

TEST_F(BehaviourRecorderTest, OnlyReturnsAfterAQuietTimeAreMoments) {
  const auto come = [&](std::chrono::milliseconds at, TimePoint sells_from) {
    note("bot", at, "192.0.2.1");
    recorder.observe(snapshot_of(sells_from));
    recorder.take(notes);
    // Each look of the recorder's own thread would do; here there is none.
    recorder.look_now();
  };
  come(10'020ms, opening + 10s);
  come(12'020ms, opening + 12s);
  come(30'020ms, opening + 30s);
  come(50'020ms, opening + 50s);
  recorder.stop();
  const auto rows = written();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].behaviour.returns, 3U);
  EXPECT_EQ(rows[0].behaviour.fast_returns, 3U);
}

TEST_F(BehaviourRecorderTest, WhatCannotBeWrittenIsWrittenLater) {
  database.ask("ALTER TABLE customer_behaviour RENAME TO away");
  note("bot", 12ms, "192.0.2.1");
  recorder.take(notes);
  recorder.start();
  std::this_thread::sleep_for(50ms);
  database.ask("ALTER TABLE away RENAME TO customer_behaviour");
  for (int i = 0; i < 1500 && written().empty(); ++i) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(written().size(), 1U);
}

TEST_F(BehaviourRecorderTest, WhoWasErasedDoesNotComeBackByWhatWasSeenBefore) {
  for (int i = 0; i < 12; ++i) note("bot", std::chrono::milliseconds(9000 + 10 * i), "192.0.2.1");
  recorder.take(notes);
  recorder.look_now();
  recorder.write_now();
  ASSERT_EQ(written().size(), 1U);
  ASSERT_FALSE(postgres::erase_behaviour(session, "bot"));
  note("bot", 20'000ms, "192.0.2.1");
  recorder.take(notes);
  recorder.look_now();
  recorder.write_now();
  note("bot", 22'000ms, "192.0.2.1");
  recorder.take(notes);
  recorder.stop();
  EXPECT_TRUE(written().empty());
}

TEST_F(BehaviourRecorderTest, OldRowsGo) {
  note("bot", 12ms, "192.0.2.1");
  recorder.take(notes);
  recorder.stop();
  EXPECT_FALSE(postgres::drop_old_behaviour(session, definition.sale_no, 3600s));
  EXPECT_EQ(written().size(), 1U);
  database.ask("UPDATE customer_behaviour SET seen_at = now() - interval '2 hours'");
  EXPECT_FALSE(postgres::drop_old_behaviour(session, definition.sale_no, 3600s));
  EXPECT_TRUE(written().empty());
}

TEST_F(BehaviourRecorderTest, BandsAreThoseOfTheHighestScoreOfACustomer) {
  const auto other = testing::created_sale(session, "other", {10});
  const auto add = [&](const Sale& sale, std::int64_t process_no, const std::string& customer, int score) {
    const postgres::CustomerBehaviour one{customer, {}, score, opening};
    ASSERT_FALSE(postgres::add_behaviour(session, sale.sale_no, process_no, {&one, 1}));
  };
  add(definition, 1, "alice", 93);
  add(definition, 2, "alice", 10);
  add(definition, 1, "bob", 24);
  add(definition, 2, "carol", 25);
  add(definition, 2, "dave", 75);
  add(other, 1, "erin", kUnlikePeople);
  EXPECT_EQ(*postgres::read_bands(session, definition.sale_no), (postgres::BehaviourBands{1, 1, 0, 2}));
  EXPECT_EQ(*postgres::read_bands(session, other.sale_no), (postgres::BehaviourBands{0, 0, 1, 0}));
  EXPECT_EQ(*postgres::read_bands(session, other.sale_no + 1), postgres::BehaviourBands{});
}

TEST_F(BehaviourRecorderTest, EveryNumberComesBackAsItWasWritten) {
  Behaviour seen;
  seen.checkouts = 4'000'000'000U;
  seen.burst = 12;
  seen.burst_ms = 300;
  seen.burst_at = opening + 5ms;
  for (const double gap : {250.25, 249.75, 250.125}) seen.rhythm.add(gap);
  seen.opening_ms = 0;
  seen.returns = 4;
  seen.fast_returns = 3;
  seen.neighbours = 7;
  seen.fast_neighbours = 6;
  seen.newcomers.add(0.1);
  seen.newcomers.add(1e-7);
  const postgres::CustomerBehaviour one{"O'Neil \"\\ {é}", seen, 93, opening};
  ASSERT_FALSE(postgres::add_behaviour(session, definition.sale_no, 1, {&one, 1}));
  auto rows = written();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].customer_id, one.customer_id);
  EXPECT_EQ(rows[0].behaviour, seen);

  // What was begun anew and is weaker changes nothing; an update does.
  postgres::CustomerBehaviour weaker = one;
  weaker.score = 10;
  weaker.behaviour.burst = 3;
  ASSERT_FALSE(postgres::add_behaviour(session, definition.sale_no, 1, {&weaker, 1}));
  EXPECT_EQ(written()[0].behaviour.burst, 12U);
  const auto there = postgres::update_behaviour(session, definition.sale_no, 1, {&weaker, 1});
  ASSERT_TRUE(there);
  EXPECT_EQ(*there, std::vector<std::string>{one.customer_id});
  EXPECT_EQ(written()[0].behaviour.burst, 3U);
  const auto nobody = postgres::update_behaviour(session, definition.sale_no, 2, {&weaker, 1});
  ASSERT_TRUE(nobody);
  EXPECT_TRUE(nobody->empty());
}

}  // namespace
}  // namespace flashsale::checkout
