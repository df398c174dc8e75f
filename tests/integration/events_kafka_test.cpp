// The Kafka sink on librdkafka's mock cluster, which neither undoes a transaction nor fences a producer by itself.
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "flashsale/events/kafka_sink.hpp"
#include "flashsale/model/time.hpp"
#include "integration/kafka_events.hpp"
#include "integration/kafka_mock.hpp"

#ifdef __SANITIZE_THREAD__
TEST(EventsKafkaTest, EverythingOfIt) {
  GTEST_SKIP() << "ThreadSanitizer does not know the C11 threads that librdkafka starts";
}
#else
namespace flashsale::events {
namespace {

using test::event;
using test::events;
using test::KafkaMock;
using test::kTime;
using test::leading_sink;
using test::soon;
using namespace std::chrono_literals;

constexpr int kPartitions = 4;
const std::string kTopic = "flashsale.events";
const std::string kPositions = "flashsale.events.positions";
class EventsKafkaTest : public testing::Test {
 protected:
  EventsKafkaTest() {
    kafka_.create(kTopic, kPartitions);
    kafka_.create(kPositions, 1);
  }

  [[nodiscard]] std::unique_ptr<Sink> sink(bool exactly_once = false, bool binary = false,
                                           const std::string& properties = "") const {
    return leading_sink({.brokers = kafka_.brokers(),
                         .topic = kTopic,
                         .properties = properties,
                         .source = "/shop",
                         .is_binary = binary,
                         .is_exactly_once = exactly_once});
  }

  void expect_delivered(Sink& sink, std::int64_t first, std::int64_t last) {
    const auto batch = events(first, last);
    const auto delivered = sink.deliver(batch, soon());
    EXPECT_EQ(delivered.error, "");
    EXPECT_EQ(delivered.events, batch.size());
  }

  /// Positions as they stand in the topic, by key.
  [[nodiscard]] test::PositionsByKey by_key() const { return test::positions_by_key(kafka_.read(kTopic, kPartitions)); }
  void expect_each_once(std::int64_t last) const { test::expect_each_once(by_key(), last); }

  KafkaMock kafka_;
};

TEST_F(EventsKafkaTest, AWholeCloudEventIsTheValue) {
  auto kafka = sink();
  EXPECT_EQ(kafka->name(), "kafka");
  EXPECT_EQ(kafka->own_position(soon()).position, std::nullopt);
  expect_delivered(*kafka, 1, 1);
  const auto records = kafka_.read(kTopic, kPartitions);
  ASSERT_EQ(records.size(), 1U);
  std::string expected;
  append_cloud_event(expected, *event(1), "/shop");
  EXPECT_EQ(records[0].value, expected);
  EXPECT_EQ(records[0].key, "order-1");
  EXPECT_EQ(records[0].headers,
            (std::map<std::string, std::string>{{"content-type", "application/cloudevents+json; charset=UTF-8"}}));
  const auto at = std::chrono::floor<std::chrono::milliseconds>(*parse_rfc3339(kTime));
  EXPECT_EQ(records[0].time_ms, at.time_since_epoch().count());
}

TEST_F(EventsKafkaTest, InBinaryModeAttributesAreHeaders) {
  auto kafka = sink(false, true);
  expect_delivered(*kafka, 1, 1);
  const auto records = kafka_.read(kTopic, kPartitions);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].value, R"({"n":1})");
  const auto& headers = records[0].headers;
  EXPECT_EQ(headers.at("content-type"), "application/json");
  EXPECT_EQ(headers.at("ce_specversion"), "1.0");
  EXPECT_EQ(headers.at("ce_id"), "order-1/1");
  EXPECT_EQ(headers.at("ce_source"), "/shop");
  EXPECT_EQ(headers.at("ce_type"), "flashsale.order.confirmed");
  EXPECT_EQ(headers.at("ce_subject"), "order-1");
  EXPECT_EQ(headers.at("ce_time"), kTime);
  EXPECT_EQ(headers.at("ce_sequence"), "00000000000000000001");
  EXPECT_EQ(headers.at("ce_partitionkey"), "order-1");
  EXPECT_EQ(headers.at("ce_dataschema"), "urn:flashsaled:schema:order.confirmed:1");
  EXPECT_EQ(headers.size(), 10U);
}

TEST_F(EventsKafkaTest, EventsOfOneKeyAreInOrder) {
  auto kafka = sink();
  for (std::int64_t batch = 0; batch < 5; ++batch) expect_delivered(*kafka, batch * 1000 + 1, batch * 1000 + 1000);
  expect_each_once(5000);
}

TEST_F(EventsKafkaTest, ARepeatedProduceRequestLeavesNothingTwice) {
  auto kafka = sink();
  expect_delivered(*kafka, 1, 10);
  // The broker asks for it again, three times.
  constexpr std::int16_t kProduce = 0;
  rd_kafka_mock_push_request_errors(kafka_.cluster(), kProduce, 3, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
  expect_delivered(*kafka, 11, 500);
  expect_each_once(500);
}

TEST_F(EventsKafkaTest, ATransactionThatTookTooLongIsFollowedByASmallerOne) {
  auto kafka = sink(true);
  ASSERT_EQ(kafka->own_position(soon()).error, "");
  const auto all = events(1, 4000);
  const auto be_slow = [this](int round_trip_ms) {
    EXPECT_EQ(rd_kafka_mock_broker_set_rtt(kafka_.cluster(), 1, round_trip_ms), RD_KAFKA_RESP_ERR_NO_ERROR);
  };
  be_slow(3000);
  EXPECT_NE(kafka->deliver(all, std::chrono::steady_clock::now() + 500ms).error, "");
  be_slow(0);
  const auto half = kafka->deliver(all, soon());
  EXPECT_EQ(half.error, "");
  EXPECT_EQ(half.events, 2000U);
  // The next may be twice as large again.
  expect_delivered(*kafka, 2001, 6000);
  // The mock cluster does not undo what was aborted, so the first try may stand there too.
}

TEST_F(EventsKafkaTest, ABrokerThatIsAwayIsToldAndComesBack) {
  auto kafka = sink();
  expect_delivered(*kafka, 1, 10);
  kafka_.set_up(false);
  const auto batch = events(11, 20);
  const auto away = kafka->deliver(batch, soon());
  EXPECT_EQ(away.events, 0U);
  EXPECT_TRUE(away.error.starts_with("Kafka: no broker can be reached")) << away.error;
  kafka_.set_up(true);
  expect_delivered(*kafka, 11, 20);
  expect_each_once(20);
}

TEST_F(EventsKafkaTest, ADeliveryThatWaitsIsInterrupted) {
  auto kafka = leading_sink({.brokers = "127.0.0.1:9", .topic = kTopic, .properties = "", .source = "/shop"});
  const auto batch = events(1, 10);
  auto delivery = std::async(std::launch::async, [&] { return kafka->deliver(batch, soon()); });
  kafka->interrupt();
  const auto delivered = delivery.get();
  EXPECT_EQ(delivered.events, 0U);
  EXPECT_EQ(delivered.error.empty(), false);
  kafka->release();
}

TEST_F(EventsKafkaTest, WhoeverDoesNotLeadAnyMoreBreaksOffABatch) {
  for (const bool exactly_once : {false, true}) {
    Leadership leadership;
    leadership.set_until(std::chrono::steady_clock::now() + 1h);
    postgres::Session nowhere({}, "nowhere");
    auto kafka = sink(exactly_once);
    kafka->use(nowhere, leadership);
    expect_delivered(*kafka, 1, 10);
    (void)rd_kafka_mock_broker_set_rtt(kafka_.cluster(), 1, 5000);
    const auto batch = events(11, 20);
    const auto began_at = std::chrono::steady_clock::now();
    auto delivery = std::async(std::launch::async, [&] { return kafka->deliver(batch, soon()); });
    std::this_thread::sleep_for(100ms);
    leadership.lose();
    EXPECT_EQ(delivery.get().events, 0U);
    EXPECT_LT(std::chrono::steady_clock::now() - began_at, 4s);
    (void)rd_kafka_mock_broker_set_rtt(kafka_.cluster(), 1, 0);
    EXPECT_EQ(kafka->deliver(batch, soon()).events, 0U);
  }
}

TEST_F(EventsKafkaTest, ATimeThatIsOverIsAnErrorAndLeavesNothingToBeSentLater) {
  auto kafka = sink();
  expect_delivered(*kafka, 1, 10);
  (void)rd_kafka_mock_broker_set_rtt(kafka_.cluster(), 1, 3000);
  const auto batch = events(11, 20);
  const auto slow = kafka->deliver(batch, std::chrono::steady_clock::now() + 500ms);
  EXPECT_TRUE(slow.error.starts_with("Kafka: slow")) << slow.error;
  (void)rd_kafka_mock_broker_set_rtt(kafka_.cluster(), 1, 0);
  expect_delivered(*kafka, 11, 20);
  for (const auto& [key, positions] : by_key()) {
    std::vector<std::int64_t> first;
    for (const auto position : positions) {
      if (std::ranges::find(first, position) == first.end()) first.push_back(position);
    }
    EXPECT_TRUE(std::ranges::is_sorted(first)) << key;
  }
}

TEST_F(EventsKafkaTest, ExactlyOnceKeepsThePositionBesideTheEvents) {
  auto kafka = sink(true);
  EXPECT_EQ(kafka->own_position(soon()).error, "");
  EXPECT_EQ(kafka->own_position(soon()).position, std::nullopt);
  expect_delivered(*kafka, 1, 1000);
  expect_delivered(*kafka, 1001, 1500);
  const auto records = kafka_.read(kPositions, 1);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].key, "kafka");
  EXPECT_EQ(records[1].value, "1500 " + std::string(kTime) + " order-2/1500");
  const auto next = sink(true);
  for (auto* asked : {kafka.get(), next.get()}) {
    const auto own = asked->own_position(soon());
    EXPECT_EQ(own.position, 1500);
    EXPECT_EQ(own.event_id, "order-2/1500");
    EXPECT_EQ(own.event_time, kTime);
  }
  expect_each_once(1500);
}

TEST_F(EventsKafkaTest, ExactlyOnceGoesOnWhereKafkaStandsAfterAStop) {
  expect_delivered(*sink(true), 1, 700);  // and PostgreSQL was told of none of them
  auto kafka = sink(true);
  EXPECT_EQ(kafka->own_position(soon()).position, 700);
  expect_delivered(*kafka, 701, 900);
  expect_each_once(900);
  kafka->release();
  EXPECT_EQ(kafka->own_position(soon()).position, 900);
}

/// Whoever dies has told PostgreSQL of some of what Kafka has taken, and of none of the last transaction.
TEST_F(EventsKafkaTest, ABacklogGoesInLargeTransactionsAndOnceThoughItsInstanceDies) {
  constexpr std::int64_t kLast = 23'456;
  EXPECT_EQ(sink()->batch_max(), 1000U);
  std::int64_t position = 0;
  int instances = 0;
  while (position < kLast) {
    ++instances;
    auto kafka = sink(true);
    const auto own = kafka->own_position(soon());
    ASSERT_EQ(own.error, "");
    EXPECT_GE(own.position.value_or(0), position);
    auto told = own.position.value_or(0);
    for (int batch = 0; batch < 2 && told < kLast; ++batch) {
      position = told;
      const auto end = std::min(told + static_cast<std::int64_t>(kafka->batch_max()), kLast);
      expect_delivered(*kafka, told + 1, end);
      told = end;
    }
    if (told == kLast) position = kLast;
  }
  EXPECT_EQ(instances, 3);
  EXPECT_EQ(kafka_.read(kPositions, 1).size(), 5U);
  expect_each_once(kLast);
}

TEST_F(EventsKafkaTest, LargeEventsAreSeveralTransactions) {
  auto kafka = sink(true);
  std::vector<EventPtr> large;
  for (std::int64_t i = 1; i <= 100; ++i) {
    auto one = std::make_shared<Event>(*event(i));
    one->data = R"({"n":)" + std::to_string(i) + R"(,"text":")" + std::string(150'000, 'x') + "\"}";
    large.push_back(one);
  }
  std::size_t told = 0;
  std::size_t transactions = 0;
  while (told < large.size()) {
    const auto delivered = kafka->deliver(std::span(large).subspan(told), soon());
    ASSERT_EQ(delivered.error, "");
    ASSERT_GT(delivered.events, 0U);
    EXPECT_LE(delivered.events * 150'000, 8U * 1024 * 1024);
    told += delivered.events;
    ++transactions;
  }
  EXPECT_EQ(kafka_.read(kPositions, 1).size(), transactions);
  EXPECT_EQ(transactions, 2U);
  expect_each_once(100);
}

TEST_F(EventsKafkaTest, ThePositionIsFoundBehindManyRecords) {
  auto kafka = sink(true);
  for (std::int64_t i = 1; i <= 250; ++i) expect_delivered(*kafka, i, i);
  EXPECT_EQ(sink(true)->own_position(soon()).position, 250);
}

TEST_F(EventsKafkaTest, ASecondInstanceFencesTheFirstAndNothingIsThereTwice) {
  auto first = sink(true);
  auto second = sink(true);
  expect_delivered(*first, 1, 100);
  EXPECT_EQ(second->own_position(soon()).position, 100);
  expect_delivered(*second, 101, 200);
  // The mock has to be told to refuse the first one.
  constexpr std::int16_t kAddPartitions = 24;
  rd_kafka_mock_push_request_errors(kafka_.cluster(), kAddPartitions, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
  const auto batch = events(101, 300);
  const auto fenced = first->deliver(batch, soon());
  EXPECT_EQ(fenced.events, 0U);
  EXPECT_TRUE(fenced.error.starts_with("Kafka: another instance delivers")) << fenced.error;
  // It begins anew, from where the other one has come to.
  first->release();
  EXPECT_EQ(first->own_position(soon()).position, 200);
  expect_delivered(*first, 201, 300);
  expect_each_once(300);
}

TEST_F(EventsKafkaTest, ACommitWhoseAnswerIsLostIsNotRepeated) {
  auto kafka = sink(true);
  expect_delivered(*kafka, 1, 100);
  constexpr std::int16_t kEndTransaction = 26;
  // The mock has done it before it answers so late that nobody waits for it any more.
  (void)rd_kafka_mock_broker_push_request_error_rtts(kafka_.cluster(), 1, kEndTransaction, 1,
                                                     RD_KAFKA_RESP_ERR_NO_ERROR, 3000);
  const auto batch = events(101, 200);
  const auto unknown = kafka->deliver(batch, std::chrono::steady_clock::now() + 1500ms);
  EXPECT_EQ(unknown.events, 0U);
  EXPECT_NE(unknown.error, "");
  expect_delivered(*kafka, 101, 200);
  expect_delivered(*kafka, 201, 210);
  expect_each_once(210);
}

TEST_F(EventsKafkaTest, PositionsThatAreGivenAnewAreDelivered) {
  expect_delivered(*sink(true), 1, 500);
  auto kafka = sink(true);
  EXPECT_EQ(kafka->own_position(soon()).position, 500);
  expect_delivered(*kafka, 101, 200);  // PostgreSQL has gone back to 100
  EXPECT_EQ(kafka->own_position(soon()).position, 200);
  EXPECT_EQ(kafka_.read(kTopic, kPartitions).size(), 600U);
}

TEST_F(EventsKafkaTest, WithoutItsPositionsNothingIsDelivered) {
  rd_kafka_mock_topic_set_error(kafka_.cluster(), kPositions.c_str(), RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  auto kafka = sink(true);
  const auto own = kafka->own_position(soon());
  EXPECT_TRUE(own.error.starts_with("Kafka: the positions in topic " + kPositions)) << own.error;
  const auto batch = events(1, 10);
  EXPECT_EQ(kafka->deliver(batch, soon()).events, 0U);
  EXPECT_TRUE(kafka_.read(kTopic, kPartitions).empty());
}

}  // namespace
}  // namespace flashsale::events
#endif
