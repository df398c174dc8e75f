#include "api/stream_hub.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "flashsale/telemetry/metrics.hpp"
#include "streamed_exchange.hpp"

namespace flashsale::api {
namespace {

using std::chrono::milliseconds;

class StreamHubTest : public ::testing::Test {
 protected:
  using ExchangePtr = std::shared_ptr<StreamedExchange>;

  /// Runs what is ready, and no timer that is not.
  void settle() {
    context_.restart();
    context_.poll();
  }
  StreamPtr open(const ExchangePtr& exchange) {
    auto stream = hub_.open(*exchange);
    settle();
    return stream;
  }
  ExchangePtr client() { return std::make_shared<StreamedExchange>(context_); }
  /// What was received behind the first block, which says when to come again.
  static std::string told(const ExchangePtr& exchange) {
    return exchange->received.substr(exchange->received.find("\n\n") + 2);
  }

  boost::asio::io_context context_;
  telemetry::Metrics metrics_;
  StreamHub hub_{context_,
                 {.streams_max = 3, .buffer_bytes_max = 100, .heartbeat = milliseconds(1)},
                 metrics_.queue_depth("streams")};
};

TEST_F(StreamHubTest, SaysFirstWhenToComeAgain) {
  const auto exchange = client();
  ASSERT_TRUE(open(exchange));
  EXPECT_EQ(exchange->content_type, "text/event-stream");
  EXPECT_TRUE(exchange->received.starts_with("retry: ")) << exchange->received;
  const auto retry_ms = std::stoi(exchange->received.substr(7));
  EXPECT_GE(retry_ms, 1000);
  EXPECT_LE(retry_ms, 5000);
}

TEST_F(StreamHubTest, SendsOneFrameToManyInOrder) {
  const auto first = client();
  const auto second = client();
  const auto one = open(first);
  const auto two = open(second);
  for (const char* text : {"a\n\n", "b\n\n", "c\n\n"}) {
    const auto frame = make_frame(text);
    one->push(frame);
    two->push(frame);
    EXPECT_GE(frame.use_count(), 1);
  }
  settle();
  EXPECT_EQ(told(first), "a\n\nb\n\nc\n\n");
  EXPECT_EQ(told(second), "a\n\nb\n\nc\n\n");
}

TEST_F(StreamHubTest, PutsWhatHasWaitedIntoOnePiece) {
  const auto exchange = client();
  exchange->takes_at_once = false;
  const auto stream = open(exchange);
  for (int i = 0; i < 5; ++i) stream->push(make_frame("x\n\n"));
  EXPECT_EQ(exchange->pieces, 1);
  EXPECT_FALSE(stream->is_idle());
  exchange->take();
  settle();
  EXPECT_EQ(exchange->pieces, 2);
  EXPECT_EQ(told(exchange), "x\n\nx\n\nx\n\nx\n\nx\n\n");
}

TEST_F(StreamHubTest, TellsWhenTheClientHasTakenAll) {
  const auto exchange = client();
  exchange->takes_at_once = false;
  const auto stream = open(exchange);
  int idle = 0;
  stream->on_idle([&] { ++idle; });
  stream->push(make_frame("x\n\n"));
  exchange->take();
  settle();
  EXPECT_EQ(idle, 0);
  exchange->take();
  settle();
  EXPECT_EQ(idle, 1);
}

TEST_F(StreamHubTest, CutsTheSlowAndNobodyElse) {
  const auto slow = client();
  slow->takes_at_once = false;
  const auto quick = client();
  const auto dragging = open(slow);
  const auto running = open(quick);
  bool has_ended = false;
  dragging->on_end([&] { has_ended = true; });
  const auto frame = make_frame(std::string(30, 'x'));
  for (int i = 0; i < 10; ++i) {
    dragging->push(frame);
    running->push(frame);
    settle();
  }
  EXPECT_TRUE(slow->is_cut);
  EXPECT_TRUE(has_ended);
  EXPECT_FALSE(dragging->is_open());
  EXPECT_EQ(std::ranges::count(told(quick), 'x'), 300) << "heartbeats aside, which a busy machine lets pass";
  EXPECT_EQ(hub_.size(), 1U);
  EXPECT_EQ(frame.use_count(), 1) << "what was queued for it is let go";
}

TEST_F(StreamHubTest, TakesAFrameThatIsLargerThanTheBuffer) {
  const auto exchange = client();
  const auto stream = open(exchange);
  stream->push(make_frame(std::string(1000, 'x')));
  settle();
  EXPECT_EQ(told(exchange).size(), 1000U);
  EXPECT_FALSE(exchange->is_cut);
}

TEST_F(StreamHubTest, HasABoundOfStreams) {
  std::vector<ExchangePtr> clients;
  std::vector<StreamPtr> streams;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(client());
    streams.push_back(open(clients.back()));
    ASSERT_TRUE(streams.back());
  }
  const auto beyond = client();
  EXPECT_FALSE(open(beyond));
  EXPECT_EQ(beyond->status, 503U);
  clients[1]->leave();
  settle();
  EXPECT_EQ(hub_.size(), 2U);
  EXPECT_FALSE(streams[1]->is_open());
  EXPECT_TRUE(open(client()));
}

TEST_F(StreamHubTest, NoneFallsSilent) {
  const auto exchange = client();
  const auto waiting = client();
  waiting->takes_at_once = false;
  const auto stream = open(exchange);
  const auto other = open(waiting);
  context_.restart();
  while (told(exchange).size() < 9) context_.run_one();
  EXPECT_TRUE(told(exchange).starts_with(":\n\n:\n\n:\n\n"));
  EXPECT_EQ(told(waiting), "") << "who has not taken the last gets no more";
}

TEST_F(StreamHubTest, AllEndAndNoneBegins) {
  const auto exchange = client();
  const auto slow = client();
  slow->takes_at_once = false;
  const auto stream = open(exchange);
  const auto dragging = open(slow);
  hub_.end_all();
  stream->push(make_frame("late\n\n"));
  settle();
  EXPECT_TRUE(exchange->has_ended);
  EXPECT_TRUE(told(exchange).starts_with("retry: ")) << told(exchange);
  EXPECT_EQ(told(exchange).find("late"), std::string::npos);
  EXPECT_FALSE(slow->has_ended);
  const auto late = client();
  EXPECT_FALSE(open(late));
  EXPECT_EQ(late->status, 503U);
}

TEST_F(StreamHubTest, PresentOnesEndAndOthersBegin) {
  const auto exchange = client();
  const auto stream = open(exchange);
  hub_.end_present();
  settle();
  EXPECT_TRUE(exchange->has_ended);
  EXPECT_FALSE(stream->is_open());
  EXPECT_TRUE(open(client()));
}

TEST(StreamHubLifeTest, NoneGoesOnForEver) {
  boost::asio::io_context context;
  telemetry::Metrics metrics;
  StreamHub hub(context, {.heartbeat = milliseconds(1), .life = milliseconds(5)}, metrics.queue_depth("streams"));
  const auto exchange = std::make_shared<StreamedExchange>(context);
  const auto stream = hub.open(*exchange);
  while (hub.size() > 0) context.run_one();
  EXPECT_TRUE(exchange->has_ended);
  EXPECT_FALSE(exchange->is_cut);
}

TEST(StreamHubGraceTest, WhoTakesNothingIsCutWhenAllEnd) {
  boost::asio::io_context context;
  telemetry::Metrics metrics;
  StreamHub hub(context, {.end_grace = milliseconds(1)}, metrics.queue_depth("streams"));
  const auto slow = std::make_shared<StreamedExchange>(context);
  slow->takes_at_once = false;
  const auto stream = hub.open(*slow);
  hub.end_all();
  while (hub.size() > 0) context.run_one();
  EXPECT_TRUE(slow->is_cut);
  EXPECT_FALSE(stream->is_open());
}

}  // namespace
}  // namespace flashsale::api
