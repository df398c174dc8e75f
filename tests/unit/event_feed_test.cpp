#include "api/event_feed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "flashsale/telemetry/metrics.hpp"
#include "streamed_exchange.hpp"

namespace flashsale::api {
namespace {

using events::Event;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A line of events in memory, read as the real one is: later, from the loop.
class EventFeedTest : public ::testing::Test {
 protected:
  using ExchangePtr = std::shared_ptr<StreamedExchange>;

  void happen(int count, EventType type = EventType::order_confirmed, const std::string& sale_id = "drop") {
    for (int i = 0; i < count; ++i) {
      Event event;
      event.position = static_cast<std::int64_t>(line_.size()) + 1;
      event.type = type;
      event.id = event.subject = std::to_string(event.position);
      event.sale_id = sale_id;
      event.data = "{}";
      line_.push_back(std::make_shared<const Event>(std::move(event)));
    }
    feed_.announce();
  }
  bool read(EventQuery query, EventFeed::PageRead then) {
    ++reads_;
    read_called_at_ = steady_clock::now();
    if (refuses_) return false;
    std::this_thread::sleep_for(read_takes_);
    boost::asio::post(context_, [this, query = std::move(query), then = std::move(then)] { then(page(query)); });
    return true;
  }
  Result<EventPage> page(const EventQuery& query) const {
    EventPage page;
    page.next_after = query.after.value_or(gone_until_);
    if (page.next_after < gone_until_) page.oldest_after = gone_until_;
    if (page.oldest_after) return page;
    const auto last = static_cast<std::int64_t>(line_.size());
    if (page.next_after > last) page.ends_before = last;
    if (page.ends_before) return page;
    page.is_at_end = page.next_after == last;
    for (auto i = static_cast<std::size_t>(page.next_after); i < line_.size() && page.events.size() < query.limit;
         ++i) {
      page.next_after = line_[i]->position;
      if (query.filter.matches(*line_[i])) page.events.push_back(line_[i]);
    }
    return page;
  }
  void settle() {
    // Pauses are of no time or of a few milliseconds.
    for (int i = 0; i < 20; ++i) {
      context_.restart();
      context_.run_for(milliseconds(1));
    }
  }
  ExchangePtr follow(std::int64_t after, EventFilter filter = {}, bool takes = true) {
    auto exchange = std::make_shared<StreamedExchange>(context_);
    exchange->takes_at_once = takes;
    const auto stream = hub_.open(*exchange);
    EXPECT_TRUE(stream);
    feed_.follow(stream, filter, *page(EventFeed::first_query(after, filter)));
    return exchange;
  }
  static std::vector<std::int64_t> ids(const ExchangePtr& exchange) {
    std::vector<std::int64_t> ids;
    const std::string& text = exchange->received;
    for (auto at = text.find("id: "); at != std::string::npos; at = text.find("\nid: ", at)) {
      at = text.find(' ', at) + 1;
      ids.push_back(std::stoll(text.substr(at)));
    }
    return ids;
  }
  static std::vector<std::int64_t> range(std::int64_t first, std::int64_t last) {
    std::vector<std::int64_t> all;
    for (auto i = first; i <= last; ++i) all.push_back(i);
    return all;
  }
  struct Answered {
    int times = 0;
    std::vector<std::int64_t> positions;
    std::int64_t next_after = -1;
    bool is_gone = false;
    std::optional<std::int64_t> ends_before;
    steady_clock::duration waited{};
  };
  EventFeed::PollPtr wait(Answered& answered, std::int64_t after, milliseconds time, EventFilter filter = {}) {
    EventQuery query;
    query.after = after;
    query.filter = std::move(filter);
    query.limit = 3;
    const auto deadline = steady_clock::now() + time;
    return feed_.wait(std::move(query), deadline, [&answered](const Result<EventPage>& page, auto waited) {
      ++answered.times;
      answered.waited = waited;
      answered.is_gone = page->oldest_after.has_value();
      answered.ends_before = page->ends_before;
      answered.next_after = page->next_after;
      for (const auto& event : page->events) answered.positions.push_back(event->position);
    });
  }

  boost::asio::io_context context_;
  telemetry::Metrics metrics_;
  std::vector<events::EventPtr> line_;
  std::int64_t gone_until_ = 0;
  int reads_ = 0;
  steady_clock::time_point read_called_at_{};
  milliseconds read_takes_{0};
  bool refuses_ = false;
  StreamHub hub_{context_, {.streams_max = 1000}, metrics_.queue_depth("streams")};
  EventFeed feed_{
      context_,
      {.read = [this](EventQuery query, EventFeed::PageRead then) { return read(std::move(query), std::move(then)); },
       .last_position = [this] { return static_cast<std::int64_t>(line_.size()); },
       .source = "/test",
       .polls = metrics_.queue_depth("polls")},
      {.polls_max = 2, .breath = milliseconds(1), .retry = milliseconds(1)}};
};

const milliseconds kLong{60'000};

TEST_F(EventFeedTest, AStreamGoesOnFromWhereItWasLeftWithoutGapOrRepeat) {
  happen(1000);
  const auto from_the_start = follow(0);
  const auto from_the_middle = follow(600);
  happen(5);
  settle();
  happen(300);
  settle();
  EXPECT_EQ(ids(from_the_start), range(1, 1305));
  EXPECT_EQ(ids(from_the_middle), range(601, 1305));
}

TEST_F(EventFeedTest, OneCatchesUpWhileMoreHappens) {
  happen(2000);
  const auto live = follow(2000);
  settle();
  const auto behind = follow(0);
  for (int i = 0; i < 50; ++i) {
    happen(7);
    context_.restart();
    context_.poll();
  }
  settle();
  EXPECT_EQ(ids(behind), range(1, 2350));
  EXPECT_EQ(ids(live), range(2001, 2350));
}

TEST_F(EventFeedTest, WhatHappensIsReadOnceHoweverManyListen) {
  std::vector<ExchangePtr> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(follow(0));
  settle();
  reads_ = 0;
  happen(10);
  settle();
  EXPECT_EQ(reads_, 1);
  for (const auto& exchange : clients) EXPECT_EQ(ids(exchange), range(1, 10));
}

TEST_F(EventFeedTest, AStreamHasWhatPassesItsFilter) {
  EventFilter cancelled;
  cancelled.types = *parse_event_types("flashsale.order.cancelled,flashsale.order.expired");
  EventFilter other;
  other.sale_id = "other";
  happen(2);
  const auto of_types = follow(0, cancelled);
  const auto of_sale = follow(0, other);
  settle();
  happen(1, EventType::order_cancelled);
  happen(1, EventType::order_confirmed, "other");
  happen(1, EventType::order_expired, "other");
  settle();
  EXPECT_EQ(ids(of_types), (std::vector<std::int64_t>{3, 5}));
  EXPECT_EQ(ids(of_sale), (std::vector<std::int64_t>{4, 5}));
}

TEST_F(EventFeedTest, WhoHearsOfNothingIsToldHowFarItHasCome) {
  EventFilter other;
  other.sale_id = "other";
  const auto exchange = follow(0, other);
  settle();
  for (int i = 0; i < 12; ++i) {
    happen(100);
    settle();
  }
  ASSERT_EQ(ids(exchange).size(), 1U) << exchange->received;
  EXPECT_GE(ids(exchange).front(), 1000);
  EXPECT_EQ(exchange->received.find("data:"), std::string::npos);
}

TEST_F(EventFeedTest, ASlowOneKeepsNobodyWaitingAndMissesNothing) {
  const auto slow = follow(0, {}, false);
  const auto quick = follow(0);
  settle();
  for (int i = 0; i < 100; ++i) {
    happen(100);
    settle();
  }
  const auto all = range(1, static_cast<std::int64_t>(line_.size()));
  EXPECT_EQ(ids(quick), all);
  EXPECT_LT(ids(slow).size(), all.size());
  EXPECT_FALSE(slow->is_cut);
  slow->takes_at_once = true;
  slow->take();
  settle();
  happen(3);
  // It is behind by many pages, which a sanitizer makes slow.
  for (int i = 0; i < 500 && ids(slow).size() < line_.size(); ++i) settle();
  EXPECT_EQ(ids(slow), range(1, static_cast<std::int64_t>(line_.size())));
}

TEST_F(EventFeedTest, AStreamWhoseEventsAreGoneEnds) {
  happen(10);
  const auto exchange = follow(10);
  settle();
  happen(10);
  gone_until_ = 15;
  settle();
  EXPECT_TRUE(exchange->has_ended);
  EXPECT_EQ(ids(exchange), range(1, 0));
  // The next begins behind them.
  const auto next = follow(15);
  settle();
  EXPECT_EQ(ids(next), range(16, 20));
}

TEST_F(EventFeedTest, WhoeverIsAheadOfALineThatHasGoneBackIsTold) {
  happen(10);
  const auto exchange = follow(10);
  Answered answered;
  ASSERT_TRUE(wait(answered, 10, kLong));
  settle();
  EXPECT_FALSE(exchange->has_ended);
  line_.resize(8);
  feed_.announce();
  settle();
  EXPECT_TRUE(exchange->has_ended);
  EXPECT_EQ(answered.times, 1);
  EXPECT_EQ(answered.ends_before, 8);
}

TEST_F(EventFeedTest, AStreamEndsWhenItsPageCannotBeAskedFor) {
  happen(600);
  refuses_ = true;
  const auto exchange = follow(0);
  settle();
  EXPECT_TRUE(exchange->has_ended);
  EXPECT_EQ(ids(exchange), range(1, 256));
}

TEST_F(EventFeedTest, ACallIsAnsweredAsSoonAsThereIsSomething) {
  happen(5);
  Answered answered;
  ASSERT_TRUE(wait(answered, 5, kLong));
  settle();
  EXPECT_EQ(answered.times, 0);
  happen(2);
  settle();
  EXPECT_EQ(answered.times, 1);
  EXPECT_EQ(answered.positions, range(6, 7));
  EXPECT_EQ(answered.next_after, 7);
  happen(2);
  settle();
  EXPECT_EQ(answered.times, 1);
}

TEST_F(EventFeedTest, ACallWaitsWhileNothingIsReadForIt) {
  happen(5);
  Answered answered;
  read_takes_ = milliseconds(20);
  ASSERT_TRUE(wait(answered, 5, kLong));
  const auto live_at_earliest = read_called_at_ + read_takes_;
  settle();
  const auto live_at_latest = steady_clock::now();
  settle();
  const auto happened_at = steady_clock::now();
  happen(2);
  settle();
  ASSERT_EQ(answered.times, 1);
  EXPECT_GE(answered.waited, happened_at - live_at_latest);
  EXPECT_LE(answered.waited, read_called_at_ - live_at_earliest) << "what was read at last is no wait";
}

TEST_F(EventFeedTest, ACallHasItsLimitAndItsFilter) {
  Answered answered;
  EventFilter expired;
  expired.types = *parse_event_types("flashsale.order.expired");
  ASSERT_TRUE(wait(answered, 0, kLong, expired));
  settle();
  happen(10);
  settle();
  EXPECT_EQ(answered.times, 0);
  happen(5, EventType::order_expired);
  settle();
  EXPECT_EQ(answered.positions, range(11, 13));
  EXPECT_EQ(answered.next_after, 13);
}

TEST_F(EventFeedTest, ACallThatBeganBehindTheEndIsAnsweredAtOnce) {
  happen(5);
  const auto live = follow(5);
  settle();
  happen(1);
  Answered answered;
  ASSERT_TRUE(wait(answered, 4, kLong));
  settle();
  EXPECT_EQ(answered.positions, range(5, 6));
  EXPECT_EQ(answered.waited.count(), 0);
}

TEST_F(EventFeedTest, ACallEndsWhenItsTimeIsUp) {
  happen(5);
  Answered answered;
  ASSERT_TRUE(wait(answered, 5, milliseconds(1)));
  settle();
  EXPECT_EQ(answered.times, 1);
  EXPECT_TRUE(answered.positions.empty());
  EXPECT_EQ(answered.next_after, 5);
  EXPECT_LE(answered.waited, milliseconds(1)) << "how late the answer is, nobody wished";
}

TEST_F(EventFeedTest, ACallIsToldThatItsEventsAreGone) {
  Answered answered;
  ASSERT_TRUE(wait(answered, 0, kLong));
  settle();
  gone_until_ = 3;
  happen(5);
  settle();
  EXPECT_EQ(answered.times, 1);
  EXPECT_TRUE(answered.is_gone);
}

TEST_F(EventFeedTest, SoManyCallsWaitAtMost) {
  Answered first;
  Answered second;
  Answered third;
  const auto poll = wait(first, 0, kLong);
  ASSERT_TRUE(poll);
  ASSERT_TRUE(wait(second, 0, kLong));
  EXPECT_FALSE(wait(third, 0, kLong));
  feed_.forget(poll);
  EXPECT_TRUE(wait(third, 0, kLong));
  settle();
  happen(1);
  settle();
  EXPECT_EQ(first.times, 0) << "nobody is there any more";
  EXPECT_EQ(second.times, 1);
  EXPECT_EQ(third.times, 1);
}

TEST_F(EventFeedTest, NoCallWaitsWhenTheProcessEnds) {
  Answered before;
  ASSERT_TRUE(wait(before, 0, kLong));
  settle();
  feed_.end_waits();
  EXPECT_EQ(before.times, 1);
  Answered after;
  ASSERT_TRUE(wait(after, 0, kLong));
  settle();
  EXPECT_EQ(after.times, 1);
}

TEST_F(EventFeedTest, NothingIsReadForNobody) {
  const auto exchange = follow(0);
  settle();
  EXPECT_TRUE(feed_.is_listening());
  exchange->leave();
  settle();
  reads_ = 0;
  happen(3);
  settle();
  EXPECT_FALSE(feed_.is_listening());
  EXPECT_EQ(reads_, 0);
}

TEST(EventFrameTest, IsOneLineOfDataWhateverThePayloadHas) {
  Event event;
  event.position = 7;
  event.type = EventType::ping;
  event.id = "a/1";
  event.data = "{\n\"x\":\r\n\"two\\nlines\"}";
  std::string text;
  append_event_frame(text, event, "/test");
  ASSERT_TRUE(text.starts_with("id: 7\nevent: flashsale.ping\ndata: {")) << text;
  ASSERT_TRUE(text.ends_with("}\n\n"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 4);
  const auto data = nlohmann::json::parse(text.substr(text.find("data: ") + 6));
  EXPECT_EQ(data["data"]["x"], "two\nlines");
  EXPECT_EQ(data["sequence"], "00000000000000000007");
}

TEST(EventFilterTest, KnowsTypesByName) {
  EXPECT_FALSE(parse_event_types(""));
  EXPECT_FALSE(parse_event_types("flashsale.order.lost"));
  EXPECT_FALSE(parse_event_types("flashsale.ping,"));
  EventFilter filter;
  filter.types = parse_event_types("flashsale.ping,flashsale.sale.closed").value();
  Event event;
  event.type = EventType::ping;
  EXPECT_TRUE(filter.matches(event));
  event.type = EventType::order_confirmed;
  EXPECT_FALSE(filter.matches(event));
  EXPECT_TRUE(EventFilter{}.matches(event));
}

TEST(EventFilterTest, KnowsTypesByTheirBeginning) {
  EXPECT_FALSE(parse_event_types("flashsale.nothing.*"));
  EXPECT_FALSE(parse_event_types("flashsale.*.closed"));
  EventFilter filter;
  filter.types = parse_event_types("flashsale.order.*,flashsale.ping").value();
  for (const auto type : event_types()) {
    Event event;
    event.type = type;
    EXPECT_EQ(filter.matches(event), is_of_an_order(type) || type == EventType::ping) << to_string(type);
  }
}

TEST(EventPageTest, IsADocumentWithWhereToGoOn) {
  EventPage page;
  page.next_after = 12;
  EXPECT_EQ(event_page_document(page, "/test"), R"({"events":[],"next_after":12})");
  auto event = std::make_shared<Event>();
  event->data = "{}";
  page.events = {event, event};
  const auto document = nlohmann::json::parse(event_page_document(page, "/test"));
  EXPECT_EQ(document["events"].size(), 2U);
  EXPECT_EQ(document["next_after"], 12);
}

}  // namespace
}  // namespace flashsale::api
