// The Kafka sink, exactly once, on a real broker that FLASHSALE_TEST_KAFKA names (host:port): it undoes transactions
// and fences producers, which the mock does not.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "events/kafka_configuration.hpp"
#include "events/kafka_producer.hpp"
#include "flashsale/events/kafka_sink.hpp"
#include "integration/kafka_events.hpp"

namespace flashsale::events {
namespace {

using test::events;
using test::leading_sink;
using test::soon;

constexpr int kPartitions = 3;

class EventsKafkaBrokerTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* named = std::getenv("FLASHSALE_TEST_KAFKA");
    if (named == nullptr) GTEST_SKIP() << "FLASHSALE_TEST_KAFKA names no broker";
    brokers_ = named;
    const char* topic = std::getenv("FLASHSALE_TEST_KAFKA_TOPIC");  // for somebody else, who has nothing to make it by
    if (topic != nullptr) create(topic);
    topic_ = "events-" + std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
    create(topic_);
  }

  [[nodiscard]] KafkaOptions options() const {
    return {.brokers = brokers_, .topic = topic_, .properties = "", .source = "/shop", .is_exactly_once = true};
  }
  void expect_delivered(Sink& sink, std::int64_t first, std::int64_t last) {
    const auto batch = events(first, last);
    const auto delivered = sink.deliver(batch, soon());
    EXPECT_EQ(delivered.error, "");
    EXPECT_EQ(delivered.events, batch.size());
  }
  /// Kafka answers a commit before every partition has the mark of it: who reads at once may come too early.
  void expect_each_once(std::int64_t last) const {
    auto records = test::read_topic(brokers_, topic_, kPartitions);
    while (records.size() < static_cast<std::size_t>(last) && std::chrono::steady_clock::now() < deadline_) {
      records = test::read_topic(brokers_, topic_, kPartitions);
    }
    test::expect_each_once(test::positions_by_key(records), last);
  }

  void create(const std::string& name) const {
    KafkaProducer producer([] { return false; });
    ASSERT_EQ(producer.open(KafkaConfiguration(options())), "");
    std::array<char, 256> error{};
    auto* topic = rd_kafka_NewTopic_new(name.c_str(), kPartitions, 1, error.data(), error.size());
    auto* queue = rd_kafka_queue_new(producer.handle());
    rd_kafka_CreateTopics(producer.handle(), &topic, 1, nullptr, queue);
    auto* done = rd_kafka_queue_poll(queue, 20'000);
    ASSERT_NE(done, nullptr);
    rd_kafka_event_destroy(done);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
  }

  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::string brokers_;
  std::string topic_;
};

TEST_F(EventsKafkaBrokerTest, EachEventIsThereOnceAndThePositionBesideIt) {
  auto kafka = leading_sink(options());
  const auto own = kafka->own_position(soon());  // and the topic of positions was made
  EXPECT_EQ(own.error, "");
  EXPECT_EQ(own.position, std::nullopt);
  for (std::int64_t batch = 0; batch < 5; ++batch) expect_delivered(*kafka, batch * 1000 + 1, batch * 1000 + 1000);
  expect_each_once(5000);
  EXPECT_EQ(leading_sink(options())->own_position(soon()).position, 5000);
}

TEST_F(EventsKafkaBrokerTest, ABacklogGoesInLargeTransactionsAndOnceThoughItsInstanceDies) {
  {
    auto first = leading_sink(options());
    const auto most = static_cast<std::int64_t>(first->batch_max());
    expect_delivered(*first, 1, most);
    expect_delivered(*first, most + 1, 2 * most);
  }
  {
    // Dies within the next one.
    KafkaProducer dying([] { return false; });
    ASSERT_EQ(dying.open(KafkaConfiguration(options())), "");
    ASSERT_EQ(dying.begin_transactions(soon()), "");
    ASSERT_EQ(dying.begin_transaction(), "");
    dying.begin_batch(2000);
    for (std::size_t i = 0; i < 2000; ++i) {
      const auto lost = R"({"data":{"n":)" + std::to_string(10'001 + i) + "}}";
      const KafkaRecord record{.topic = topic_, .key = "order-1", .value = lost, .time_ms = 0, .headers = {}};
      ASSERT_EQ(dying.produce(record, i, soon()), "");
    }
    ASSERT_EQ(dying.wait(soon()), "");
  }
  auto second = leading_sink(options());
  EXPECT_EQ(second->own_position(soon()).position, 10'000);
  expect_delivered(*second, 10'001, 12'345);
  expect_each_once(12'345);
}

TEST_F(EventsKafkaBrokerTest, AnInstanceThatDiesBetweenPublishAndProgressLeavesNothingTwice) {
  auto first = leading_sink(options());
  expect_delivered(*first, 1, 700);
  first.reset();  // PostgreSQL was told of none of them
  auto second = leading_sink(options());
  EXPECT_EQ(second->own_position(soon()).position, 700);
  expect_delivered(*second, 701, 1200);
  expect_each_once(1200);
}

TEST_F(EventsKafkaBrokerTest, WhatAnInstanceHasLeftOpenIsUndone) {
  expect_delivered(*leading_sink(options()), 1, 100);
  {
    KafkaProducer dying([] { return false; });
    ASSERT_EQ(dying.open(KafkaConfiguration(options())), "");
    ASSERT_EQ(dying.begin_transactions(soon()), "");
    ASSERT_EQ(dying.begin_transaction(), "");
    dying.begin_batch(1);
    const KafkaRecord record{
        .topic = topic_, .key = "order-1", .value = R"({"data":{"n":101}})", .time_ms = 0, .headers = {}};
    ASSERT_EQ(dying.produce(record, 0, soon()), "");
    ASSERT_EQ(dying.wait(soon()), "");
  }
  auto kafka = leading_sink(options());
  EXPECT_EQ(kafka->own_position(soon()).position, 100);
  expect_delivered(*kafka, 101, 200);
  expect_each_once(200);
}

TEST_F(EventsKafkaBrokerTest, ASecondInstanceFencesTheFirst) {
  auto first = leading_sink(options());
  expect_delivered(*first, 1, 100);
  auto second = leading_sink(options());
  EXPECT_EQ(second->own_position(soon()).position, 100);
  const auto batch = events(101, 300);
  const auto fenced = first->deliver(batch, soon());
  EXPECT_EQ(fenced.events, 0U);
  EXPECT_TRUE(fenced.error.starts_with("Kafka: another instance delivers")) << fenced.error;
  expect_delivered(*second, 101, 200);
  first->release();
  expect_delivered(*first, 101, 300);
  expect_each_once(300);
}

}  // namespace
}  // namespace flashsale::events
