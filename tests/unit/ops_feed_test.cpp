#include "api/ops_feed.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "flashsale/telemetry/metrics.hpp"
#include "streamed_exchange.hpp"

namespace flashsale::api {
namespace {

using std::chrono::milliseconds;

class OpsFeedTest : public ::testing::Test {
 protected:
  std::shared_ptr<StreamedExchange> watch(TimePoint until = TimePoint::max()) {
    const auto exchange = std::make_shared<StreamedExchange>(context_);
    if (const auto stream = hub_.open(*exchange)) feed_.follow(stream, until);
    return exchange;
  }
  static std::size_t seconds_told(const std::string& text) {
    std::size_t count = 0;
    for (auto at = text.find("event: second\n"); at != std::string::npos; at = text.find("event: second\n", at + 1)) {
      ++count;
    }
    return count;
  }
  OpsReading look() {
    ++looks_;
    OpsReading reading;
    reading.at = now_;
    reading.taken_at = std::chrono::steady_clock::now();
    reading.snapshot = std::make_shared<const catalog::Snapshot>();
    return reading;
  }

  boost::asio::io_context context_;
  telemetry::Metrics metrics_;
  StreamHub hub_{context_, {}, metrics_.queue_depth("streams")};
  TimePoint now_{std::chrono::seconds(1'800'000'000)};
  int looks_ = 0;
  OpsFeed feed_{context_,
                {.instance = "host/1",
                 .look = [this] { return look(); },
                 .now = [this] { return now_; },
                 .interval = milliseconds(1)}};
};

TEST_F(OpsFeedTest, OneLookIsToldToAll) {
  const auto first = watch();
  const auto second = watch();
  while (seconds_told(first->received) < 5) context_.run_one();
  while (seconds_told(second->received) < 5) context_.run_one();
  EXPECT_NE(first->received.find("\"instance\":\"host/1\""), std::string::npos);
  // The newcomer was sent what the other had been, and both the same from then on.
  EXPECT_LE(looks_, 7);
}

TEST_F(OpsFeedTest, NobodyWatchesAndNothingIsLookedAt) {
  context_.run();
  context_.restart();
  EXPECT_EQ(looks_, 0);
  const auto exchange = watch();
  while (seconds_told(exchange->received) < 2) context_.run_one();
  exchange->leave();
  while (hub_.size() > 0) context_.run_one();
  context_.restart();
  context_.run_for(milliseconds(50));
  const int looks = looks_;
  context_.restart();
  context_.run_for(milliseconds(50));
  EXPECT_EQ(looks_, looks);
  context_.restart();
  const auto again = watch();
  while (seconds_told(again->received) < 2) context_.run_one();
  EXPECT_NE(again->received.find("\"seconds\":null"), std::string::npos) << "rates of the pause would be none";
}

TEST_F(OpsFeedTest, ALinkEndsWhileItIsWatched) {
  const auto guest = watch(now_ + std::chrono::seconds(10));
  const auto admin = watch();
  while (seconds_told(guest->received) < 2) context_.run_one();
  EXPECT_FALSE(guest->has_ended);
  now_ += std::chrono::seconds(10);
  while (!guest->has_ended) context_.run_one();
  const auto told = seconds_told(admin->received);
  while (seconds_told(admin->received) < told + 2) context_.run_one();
  EXPECT_FALSE(admin->has_ended);
}

}  // namespace
}  // namespace flashsale::api
