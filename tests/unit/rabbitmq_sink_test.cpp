#include "flashsale/events/rabbitmq_sink.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace flashsale::events {
namespace {

TEST(RabbitmqSinkTest, WhoeverDoesNotLeadTellsNothing) {
  telemetry::Metrics metrics;
  postgres::Session nowhere({}, "nowhere");
  Leadership leadership;
  RabbitmqOptions options;
  options.url = "amqp://127.0.0.1:9";
  options.source = "/shop";
  const auto sink = make_rabbitmq_sink(std::move(options), metrics);
  sink->use(nowhere, leadership);
  const std::vector<EventPtr> events{std::make_shared<Event>()};
  const auto soon = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  EXPECT_EQ(sink->deliver(events, soon).error, "");
  leadership.set_until(soon);
  EXPECT_NE(sink->deliver(events, soon).error, "");
}

}  // namespace
}  // namespace flashsale::events
