#include "events/confirm_window.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace flashsale::events {
namespace {

EventPtr event(std::int64_t position) {
  auto made = std::make_shared<Event>();
  made->position = position;
  made->id = "event-" + std::to_string(position);
  return made;
}

/// With events from position 1 published and none confirmed.
ConfirmWindow window_of(std::int64_t events, bool drops_unroutable = false) {
  ConfirmWindow window(drops_unroutable);
  for (std::int64_t i = 1; i <= events; ++i) window.add(event(i));
  return window;
}

TEST(ConfirmWindowTest, TakesWhatIsConfirmedFromTheFrontAlone) {
  auto window = window_of(4);
  window.confirm(3, false);
  EXPECT_EQ(window.take_confirmed(), 0U);
  window.confirm(1, false);
  EXPECT_EQ(window.take_confirmed(), 1U);
  window.confirm(2, false);
  EXPECT_EQ(window.take_confirmed(), 2U);
  EXPECT_EQ(window.first_position(), 4);
  EXPECT_FALSE(window.is_settled());
}

TEST(ConfirmWindowTest, OneConfirmationMayBeOfManyAndMayComeTwice) {
  auto window = window_of(5);
  window.confirm(3, true);
  window.confirm(3, true);
  window.confirm(2, false);
  EXPECT_EQ(window.take_confirmed(), 3U);
  window.confirm(3, true);
  window.confirm(99, true);
  EXPECT_EQ(window.take_confirmed(), 0U);
  window.confirm(5, true);
  EXPECT_EQ(window.take_confirmed(), 2U);
  EXPECT_TRUE(window.is_settled());
  EXPECT_EQ(window.size(), 0U);
}

TEST(ConfirmWindowTest, BeginsWithOneAndGrowsWithWhatIsConfirmed) {
  ConfirmWindow window(false);
  window.add(event(1));
  EXPECT_TRUE(window.is_full());
  window.confirm(1, false);
  EXPECT_EQ(window.take_confirmed(), 1U);
  window.add(event(2));
  EXPECT_FALSE(window.is_full());
  window.add(event(3));
  EXPECT_TRUE(window.is_full());
  window.forget();
  window.add(event(2));
  EXPECT_TRUE(window.is_full());
}

TEST(ConfirmWindowTest, ARefusedEventHoldsAllBehindIt) {
  auto window = window_of(3);
  window.refuse(2, false);
  window.confirm(3, false);
  EXPECT_FALSE(window.is_settled());
  window.confirm(1, false);
  EXPECT_TRUE(window.is_settled());
  EXPECT_EQ(window.take_confirmed(), 1U);
  ASSERT_NE(window.failed(), nullptr);
  EXPECT_EQ(window.failed()->position, 2);
  EXPECT_FALSE(window.is_unroutable_failed());
}

TEST(ConfirmWindowTest, NumbersGoOnWhenWhatFailedIsForgotten) {
  auto window = window_of(3);
  window.refuse(1, false);
  window.confirm(3, true);
  window.forget();
  EXPECT_EQ(window.failed(), nullptr);
  window.add(event(1));
  window.confirm(3, false);
  EXPECT_EQ(window.take_confirmed(), 0U);
  window.confirm(4, false);
  EXPECT_EQ(window.take_confirmed(), 1U);
}

TEST(ConfirmWindowTest, AnUnroutableEventFailsThoughItIsConfirmed) {
  auto window = window_of(2);
  ASSERT_NE(window.unroutable("event-1"), nullptr);
  EXPECT_EQ(window.unroutable("event-7"), nullptr);
  window.confirm(2, true);
  EXPECT_EQ(window.take_confirmed(), 0U);
  EXPECT_TRUE(window.is_unroutable_failed());
}

TEST(ConfirmWindowTest, AnUnroutableEventIsPassedOverWhereThatIsWanted) {
  auto window = window_of(2, true);
  ASSERT_NE(window.unroutable("event-1"), nullptr);
  window.confirm(2, true);
  EXPECT_EQ(window.failed(), nullptr);
  EXPECT_EQ(window.take_confirmed(), 2U);
}

TEST(ConfirmWindowTest, ANewChannelCountsFromOne) {
  auto window = window_of(3);
  window.confirm(2, true);
  EXPECT_EQ(window.take_confirmed(), 2U);
  window.clear();
  window.add(event(3));
  window.confirm(1, false);
  EXPECT_EQ(window.take_confirmed(), 1U);
}

}  // namespace
}  // namespace flashsale::events
