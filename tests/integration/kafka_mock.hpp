#pragma once
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <array>
#include <string>
#include <vector>

#include "integration/kafka_reader.hpp"

namespace flashsale::test {

/// The mock cluster of librdkafka in this process, which speaks Kafka's protocol on ports of loopback.
class KafkaMock {
 public:
  explicit KafkaMock(int brokers = 1) {
    std::array<char, 512> error{};
    owner_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error.data(), error.size());
    cluster_ = rd_kafka_mock_cluster_new(owner_, brokers);
  }
  ~KafkaMock() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(owner_);
  }
  KafkaMock(const KafkaMock&) = delete;
  KafkaMock& operator=(const KafkaMock&) = delete;

  [[nodiscard]] std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  [[nodiscard]] rd_kafka_mock_cluster_t* cluster() const { return cluster_; }
  void create(const std::string& topic, int partitions) {
    EXPECT_EQ(rd_kafka_mock_topic_create(cluster_, topic.c_str(), partitions, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void set_up(bool up) {
    (void)(up ? rd_kafka_mock_broker_set_up(cluster_, 1) : rd_kafka_mock_broker_set_down(cluster_, 1));
  }

  /// All that is in a topic, each partition in order.
  [[nodiscard]] std::vector<KafkaRead> read(const std::string& topic, int partitions) const {
    return read_topic(brokers(), topic, partitions);
  }

 private:
  rd_kafka_t* owner_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace flashsale::test
