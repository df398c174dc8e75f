#include "flashsale/postgres/event_agreement.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>

#include "integration/postgres_fixture.hpp"

namespace flashsale::postgres {
namespace {

class EventAgreementTest : public ::testing::Test {
 protected:
  std::unique_ptr<EventAgreement> process(bool leaves_events) {
    return std::make_unique<EventAgreement>(database.options(), leaves_events);
  }
  void end_sessions() {
    database.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'event-agreement'");
  }

  testing::PostgresDatabase database;
};

TEST_F(EventAgreementTest, WhoeverDoesOtherwiseDoesNotJoin) {
  const auto first = process(true), second = process(true), other = process(false);
  EXPECT_EQ(first->look().value(), 0);
  EXPECT_EQ(second->look().value(), 0);
  EXPECT_EQ(other->look().value(), 2);
  EXPECT_TRUE(first->has_joined());
  EXPECT_FALSE(other->has_joined());
  // Those who were there first are not disturbed.
  EXPECT_EQ(first->look().value(), 0);
}

TEST_F(EventAgreementTest, WhenTheLastOneHasEndedAnotherMayJoin) {
  auto first = process(true);
  const auto other = process(false);
  ASSERT_EQ(first->look().value(), 0);
  ASSERT_EQ(other->look().value(), 1);
  first.reset();
  for (int i = 0; i < 3000 && !other->has_joined(); ++i) {
    (void)other->look();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(other->has_joined());
  EXPECT_EQ(process(true)->look().value(), 1);
}

/// PostgreSQL restarts: its locks are gone, and another may be the first to come.
TEST_F(EventAgreementTest, OneThatHasJoinedStaysSoAndSeesWhoHasCome) {
  const auto first = process(true), other = process(false);
  ASSERT_EQ(first->look().value(), 0);
  end_sessions();
  for (int i = 0; i < 3000 && !other->has_joined(); ++i) {
    (void)other->look();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ASSERT_TRUE(other->has_joined());
  EXPECT_EQ(first->look().value(), 1);
  EXPECT_EQ(other->look().value(), 1);
}

}  // namespace
}  // namespace flashsale::postgres
