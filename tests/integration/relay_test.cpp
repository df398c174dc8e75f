#include "flashsale/events/relay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "flashsale/events/event_log.hpp"
#include "flashsale/events/leadership.hpp"
#include "flashsale/events/sequencer.hpp"
#include "flashsale/postgres/event_numbering.hpp"
#include "flashsale/postgres/event_repository.hpp"
#include "flashsale/postgres/event_sinks.hpp"
#include "flashsale/postgres/outbox.hpp"
#include "integration/postgres_fixture.hpp"

namespace flashsale::events {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// What a sink is told, and how it behaves.
struct Receiver {
  std::mutex mutex;
  std::vector<std::int64_t> positions;
  std::atomic<bool> works{true};
  std::atomic<std::size_t> takes{1'000'000};  ///< of a batch
  std::atomic<std::size_t> batch_max{1000};
  std::atomic<std::size_t> largest_batch{0};
  std::atomic<bool> reads_ahead{false};
  std::atomic<bool> is_content{false};  ///< not to take all of a batch is no failure
  std::atomic<int> released{0};
  std::function<void()> before;               ///< a delivery
  std::function<void(std::int64_t)> between;  ///< two events; the position of the first
  Sink::OwnPosition own;                      ///< as it stands when somebody begins

  std::vector<std::int64_t> told() {
    const std::lock_guard lock(mutex);
    return positions;
  }
};

class ReceiverSink : public Sink {
 public:
  ReceiverSink(std::string name, Receiver& receiver) : name_(std::move(name)), receiver_(receiver) {}
  const std::string& name() const override { return name_; }
  const std::string& kind() const override { return kind_; }
  void use(postgres::Session&, const Leadership&) override {}
  std::size_t batch_max() const override { return receiver_.batch_max; }
  bool reads_ahead() const override { return receiver_.reads_ahead; }
  Delivered deliver(std::span<const EventPtr> events, Clock::time_point) override {
    if (receiver_.before) receiver_.before();
    if (!receiver_.works) return {0, "the broker is away"};
    receiver_.largest_batch = std::max(receiver_.largest_batch.load(), events.size());
    const std::lock_guard lock(receiver_.mutex);
    const auto count = std::min(events.size(), receiver_.takes.load());
    for (const auto& event : events.first(count)) {
      receiver_.positions.push_back(event->position);
      if (receiver_.between) receiver_.between(event->position);
    }
    return {count, count < events.size() && !receiver_.is_content ? "it takes no more" : ""};
  }
  OwnPosition own_position(Clock::time_point) override { return receiver_.own; }
  std::string probe(Clock::time_point) override { return {}; }
  bool tend() override { return false; }
  void release() override { ++receiver_.released; }
  void interrupt() override {}

 private:
  std::string name_;
  std::string kind_ = "webhook";
  Receiver& receiver_;
};

class RelayTest : public ::testing::Test {
 protected:
  RelayTest() {
    postgres::leave_events(true);
    sale = testing::created_sale(session, "drop", {1000});  // an event, before any sink is known
    number();
    leadership.set_until(Clock::now() + 1h);
  }
  ~RelayTest() override {
    log.interrupt();
    postgres::leave_events(false);
  }
  void leave(int events) {
    for (int i = 0; i < events; ++i)
      ASSERT_FALSE(postgres::leave_event(session, EventType::ping, R"({"webhook_id":"x"})"));
    number();
  }
  void number(std::int32_t rows = 1000) {
    const auto numbered = numbering.number(rows, false);
    ASSERT_TRUE(numbered);
    last = numbered->line.last_position;
    log.announce(last);
  }
  std::unique_ptr<Relay> relay(const std::string& name, Receiver& receiver) {
    auto made = std::make_unique<Relay>(std::make_unique<ReceiverSink>(name, receiver), database.options(), log,
                                        leadership, metrics);
    made->start();
    return made;
  }
  static bool eventually(const std::function<bool()>& what) {
    for (const auto end = Clock::now() + 20s; Clock::now() < end; std::this_thread::sleep_for(5ms)) {
      if (what()) return true;
    }
    return false;
  }
  std::int64_t position_of(const std::string& name) {
    for (const auto& sink : *postgres::list_event_sinks(session)) {
      if (sink.name == name) return sink.position;
    }
    return -1;
  }
  static std::vector<std::int64_t> from_to(std::int64_t first, std::int64_t to) {
    std::vector<std::int64_t> all;
    for (auto i = first; i <= to; ++i) all.push_back(i);
    return all;
  }

  testing::PostgresDatabase database;
  postgres::Session session = database.connect("relay-test");
  postgres::EventNumbering numbering{database.options(), "numbering"};
  telemetry::Metrics metrics;
  EventLog log;
  Leadership leadership;
  Sale sale;
  std::int64_t last = 0;
};

TEST_F(RelayTest, TellsInOrderFromWhereTheSinkStands) {
  Receiver receiver;
  auto told = relay("a", receiver);
  ASSERT_TRUE(eventually([&] { return position_of("a") == 1; }));
  leave(5);
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  EXPECT_EQ(receiver.told(), from_to(2, 6));
  told->stop();
  EXPECT_EQ(receiver.released, 1);
  leave(3);
  told = relay("a", receiver);
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  EXPECT_EQ(receiver.told(), from_to(2, 9));
}

TEST_F(RelayTest, OneThatFailsHoldsUpNobodyElse) {
  Receiver broken, fine;
  broken.works = false;
  auto first = relay("broken", broken);
  auto second = relay("fine", fine);
  ASSERT_TRUE(eventually([&] { return position_of("broken") == 1 && position_of("fine") == 1; }));
  leave(5);
  ASSERT_TRUE(eventually([&] { return position_of("fine") == last; }));
  const auto sinks = postgres::list_event_sinks(session).value();
  EXPECT_EQ(sinks[0].last_error, "the broker is away");
  EXPECT_TRUE(sinks[0].failing_since);
  EXPECT_TRUE(broken.told().empty());
  broken.works = true;
  ASSERT_TRUE(eventually([&] { return position_of("broken") == last; }));
  EXPECT_EQ(broken.told(), from_to(2, last));
  EXPECT_EQ(postgres::list_event_sinks(session).value()[0].last_error, "");
}

TEST_F(RelayTest, WhatWasNotTakenComesAgain) {
  Receiver receiver;
  receiver.takes = 2;
  auto told = relay("a", receiver);
  ASSERT_TRUE(eventually([&] { return position_of("a") == 1; }));
  leave(5);
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  EXPECT_EQ(receiver.told(), from_to(2, last));
}

/// Should the process die, no more than that comes again, however fast the sink is.
TEST_F(RelayTest, ABatchAndAsMuchBeforeItIsAllThatIsTakenAndNotWrittenDown) {
  constexpr std::int64_t kBatch = 1000;
  Receiver receiver;
  auto other = database.connect("other");
  std::int64_t behind = 0;
  receiver.between = [&](std::int64_t position) {
    if (position % 100 == 0) behind = std::max(behind, position - postgres::find_sink_position(other, "a").value());
  };
  auto told = relay("a", receiver);
  ASSERT_TRUE(eventually([&] { return position_of("a") == 1; }));
  database.ask(
      "INSERT INTO outbox (sale_no, at, change_no, events, type, payload)"
      " SELECT 0, now(), 1, 1, 22, '{}' FROM generate_series(1, 6000)");
  number(10'000);
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  EXPECT_EQ(receiver.told(), from_to(2, last));
  EXPECT_GT(behind, 0);
  EXPECT_LE(behind, 2 * kBatch);
}

/// And who takes a part of it gets the rest at once, without a failure.
TEST_F(RelayTest, ABatchIsAsLargeAsItsSinkWants) {
  Receiver receiver;
  receiver.batch_max = 5000;
  receiver.takes = 3000;
  receiver.is_content = true;
  auto told = relay("a", receiver);
  ASSERT_TRUE(eventually([&] { return position_of("a") == 1; }));
  leave(1);
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  EXPECT_EQ(receiver.largest_batch, 1U) << "what is there is not waited to become more";
  receiver.works = false;
  database.ask(
      "INSERT INTO outbox (sale_no, at, change_no, events, type, payload)"
      " SELECT 0, now(), 1, 1, 22, '{}' FROM generate_series(1, 12000)");
  number(20'000);
  receiver.works = true;
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  EXPECT_EQ(receiver.told(), from_to(2, last));
  EXPECT_EQ(receiver.largest_batch, 5000U);
}

/// And it is none of what a sink has not taken, of which some comes again first.
TEST_F(RelayTest, WhatComesNextIsReadWhileASinkTakesABatch) {
  Receiver receiver;
  receiver.batch_max = 100;
  receiver.reads_ahead = true;
  int deliveries = 0;
  bool is_read_meanwhile = false;
  receiver.before = [&] {
    ++deliveries;
    receiver.takes = deliveries % 3 == 0 ? 30 : 1000;
    if (deliveries > 1) return;
    is_read_meanwhile = eventually([&] {
      return database.count(
                 "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'relay-a-ahead'"
                 " AND state = 'idle' AND query LIKE '%outbox%'") == 1;
    });
  };
  auto told = relay("a", receiver);
  ASSERT_TRUE(eventually([&] { return position_of("a") == 1; }));
  database.ask(
      "INSERT INTO outbox (sale_no, at, change_no, events, type, payload)"
      " SELECT 0, now(), 1, 1, 22, '{}' FROM generate_series(1, 1000)");
  number();
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  told->stop();
  EXPECT_EQ(receiver.told(), from_to(2, last));
  EXPECT_TRUE(is_read_meanwhile);
  EXPECT_GT(deliveries, 12);
}

TEST_F(RelayTest, WhoeverDoesNotLeadDeliversNothing) {
  Receiver receiver;
  auto told = relay("a", receiver);
  leave(1);
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  leadership.lose();
  ASSERT_TRUE(eventually([&] { return receiver.released == 1; }));
  leave(2);
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(receiver.told(), from_to(2, 2));
  leadership.set_until(Clock::now() + 1h);
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  EXPECT_EQ(receiver.told(), from_to(2, last));
}

TEST_F(RelayTest, ABatchThatIsBrokenOffIsNoErrorOfTheSink) {
  Receiver receiver;
  receiver.works = false;
  receiver.before = [this] { leadership.lose(); };
  auto told = relay("a", receiver);
  leave(1);
  ASSERT_TRUE(eventually([&] { return receiver.released == 1; }));
  EXPECT_EQ(postgres::list_event_sinks(session).value()[0].last_error, "");
}

TEST_F(RelayTest, ASinkThatWasSetBackIsToldAgain) {
  Receiver receiver;
  auto told = relay("a", receiver);
  ASSERT_TRUE(eventually([&] { return position_of("a") == 1; }));
  leave(3);
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  ASSERT_TRUE(postgres::move_event_sink(session, "a", 0).value());
  leave(1);
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  auto expected = from_to(2, 5);
  for (const auto position : from_to(1, 5)) expected.push_back(position);
  EXPECT_EQ(receiver.told(), expected);
}

/// While nothing happens, too.
TEST_F(RelayTest, AnIdleSinkThatWasSetBackIsToldAgain) {
  Receiver receiver;
  auto told = relay("a", receiver);
  leave(2);
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  ASSERT_TRUE(postgres::move_event_sink(session, "a", 1).value());
  ASSERT_TRUE(eventually([&] { return receiver.told().size() == 4; }));
  EXPECT_EQ(receiver.told(), (std::vector<std::int64_t>{2, 3, 2, 3}));
}

/// Restored from a backup, it gives positions a second time; where the sink stands is as old as the rest.
TEST_F(RelayTest, ALineThatHasGoneBackIsToldAgain) {
  Receiver receiver;
  auto told = relay("a", receiver);
  ASSERT_TRUE(eventually([&] { return position_of("a") == 1; }));
  leave(4);
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  database.ask("DELETE FROM outbox WHERE position > 3");
  database.ask("UPDATE event_line SET last_position = 3");
  database.ask("UPDATE event_sinks SET position = 2");
  number();
  ASSERT_TRUE(eventually([&] { return position_of("a") == 3; }));
  leave(2);
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  EXPECT_EQ(receiver.told(), (std::vector<std::int64_t>{2, 3, 4, 5, 3, 4, 5}));
}

/// And the same where it has come as far again by the time that the sink has taken what was lost.
TEST_F(RelayTest, ALineThatHasGoneBackAndForthIsToldAgain) {
  for (const bool reads_ahead : {false, true}) {
    Receiver receiver;
    receiver.reads_ahead = reads_ahead;
    receiver.batch_max = 2;
    const auto name = reads_ahead ? "ahead" : "alone";
    const auto first = last;
    const auto leave_six =
        "INSERT INTO outbox (sale_no, at, change_no, events, type, payload)"
        " SELECT 0, now(), 1, 1, 22, '{}' FROM generate_series(1, 6)";
    std::atomic<int> deliveries{0};
    receiver.before = [&] {
      if (++deliveries != 2) return;
      database.ask("DELETE FROM outbox WHERE position > " + std::to_string(first));
      database.ask("UPDATE event_line SET last_position = " + std::to_string(first));
      database.ask("UPDATE event_sinks SET position = " + std::to_string(first));
      number();
      database.ask(leave_six);
      number();
    };
    auto told = relay(name, receiver);
    ASSERT_TRUE(eventually([&] { return position_of(name) == first; }));
    database.ask(leave_six);
    number();
    ASSERT_TRUE(eventually([&] { return deliveries > 4 && position_of(name) == first + 6; }));
    told->stop();
    auto expected = from_to(first + 1, first + 4);
    for (const auto position : from_to(first + 1, first + 6)) expected.push_back(position);
    EXPECT_EQ(receiver.told(), expected) << name;
    EXPECT_EQ(metrics.events_delivered(name, "gone_back").Value(), 1);
  }
}

/// A restored PostgreSQL may have overtaken what the sink keeps before anybody asks it.
TEST_F(RelayTest, WhatASinkKeepsCountsAsLongAsItsLastEventStandsThere) {
  leave(4);
  const auto third = log.read(session, 2, 1).value().front();
  (void)postgres::register_event_sink(session, "same", "webhook");
  ASSERT_TRUE(postgres::advance_event_sink(session, "same", last, 1).value());
  Receiver same;
  same.own = {3, {}, third->id, third->time};
  auto told = relay("same", same);
  ASSERT_TRUE(eventually([&] { return position_of("same") == last; }));
  EXPECT_EQ(same.told(), from_to(4, last));
  (void)postgres::register_event_sink(session, "other", "webhook");
  ASSERT_TRUE(postgres::advance_event_sink(session, "other", last, 1).value());
  Receiver other;
  other.own = {3, {}, third->id, "2026-01-01T00:00:00.000000Z"};
  auto told_too = relay("other", other);
  ASSERT_TRUE(eventually([&] { return position_of("other") == last; }));
  EXPECT_EQ(other.told(), from_to(2, last));
  EXPECT_EQ(metrics.events_delivered("other", "gone_back").Value(), 1);
}

TEST_F(RelayTest, ASinkThatWasMovedBeginsThereWhateverItKeeps) {
  leave(4);
  (void)postgres::register_event_sink(session, "a", "webhook");
  ASSERT_TRUE(postgres::move_event_sink(session, "a", 2).value());
  Receiver receiver;
  receiver.own.position = last;
  auto told = relay("a", receiver);
  ASSERT_TRUE(eventually([&] { return position_of("a") == last; }));
  EXPECT_EQ(receiver.told(), from_to(3, last));
  EXPECT_FALSE(postgres::list_event_sinks(session).value()[0].is_moved);
}

TEST_F(RelayTest, NobodyIsToldWhatComesBehindAGap) {
  Receiver receiver;
  auto told = relay("a", receiver);
  ASSERT_TRUE(eventually([&] { return position_of("a") == 1; }));
  database.ask(
      "INSERT INTO outbox (sale_no, at, position, change_no, events, type, payload)"
      " VALUES (0, now(), 3, 1, 1, 22, '{}')");
  log.announce(3);
  ASSERT_TRUE(eventually([&] { return !postgres::list_event_sinks(session).value()[0].last_error.empty(); }));
  EXPECT_EQ(postgres::list_event_sinks(session).value()[0].last_error, "event 2 is missing");
  EXPECT_TRUE(receiver.told().empty());
}

/// The whole way in one process, and a second one that takes over.
TEST_F(RelayTest, ASequencerFeedsTheLog) {
  Leadership first_leads, second_leads;
  EventLog second_log;
  Sequencer first({.postgres = database.options()}, log, first_leads, metrics);
  Sequencer second({.postgres = database.options()}, second_log, second_leads, metrics);
  first.start();
  ASSERT_TRUE(eventually([&] { return first_leads.holds(); }));
  second.start();
  ASSERT_FALSE(postgres::leave_event(session, EventType::ping, "{}"));
  EXPECT_TRUE(log.wait_beyond(1, Clock::now() + 20s));
  EXPECT_TRUE(second_log.wait_beyond(1, Clock::now() + 20s));
  EXPECT_FALSE(second_leads.holds());
  first.stop();
  ASSERT_TRUE(eventually([&] { return second_leads.holds(); }));
  EXPECT_FALSE(first_leads.holds());
  ASSERT_FALSE(postgres::leave_event(session, EventType::ping, "{}"));
  EXPECT_TRUE(second_log.wait_beyond(2, Clock::now() + 20s));
  const auto events = second_log.read(session, 0, 10).value();
  EXPECT_EQ(events.size(), 3u);
  second.stop();
}

}  // namespace
}  // namespace flashsale::events
