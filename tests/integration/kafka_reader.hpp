#pragma once
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace flashsale::test {

struct KafkaRead {
  std::int32_t partition = 0;
  std::string key;
  std::string value;
  std::int64_t time_ms = 0;
  std::map<std::string, std::string> headers;
};

inline KafkaRead kafka_read_of(rd_kafka_message_t* message) {
  KafkaRead read;
  read.partition = message->partition;
  read.key.assign(static_cast<const char*>(message->key), message->key_len);
  read.value.assign(static_cast<const char*>(message->payload), message->len);
  read.time_ms = rd_kafka_message_timestamp(message, nullptr);
  rd_kafka_headers_t* headers = nullptr;
  (void)rd_kafka_message_headers(message, &headers);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       headers != nullptr && rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    read.headers.emplace(name, std::string(static_cast<const char*>(value), size));
  }
  return read;
}

inline void read_partition(rd_kafka_topic_t* topic, std::int32_t partition, std::vector<KafkaRead>& all) {
  ASSERT_EQ(rd_kafka_consume_start(topic, partition, RD_KAFKA_OFFSET_BEGINNING), 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (bool ended = false; !ended && std::chrono::steady_clock::now() < deadline;) {
    auto* message = rd_kafka_consume(topic, partition, 1000);
    if (message == nullptr) continue;
    ended = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) all.push_back(kafka_read_of(message));
    rd_kafka_message_destroy(message);
  }
  (void)rd_kafka_consume_stop(topic, partition);
}

/// All that is in a topic and was committed, each partition in order.
[[nodiscard]] inline std::vector<KafkaRead> read_topic(const std::string& brokers, const std::string& topic,
                                                       int partitions) {
  std::array<char, 512> error{};
  auto* conf = rd_kafka_conf_new();
  (void)rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), error.data(), error.size());
  (void)rd_kafka_conf_set(conf, "enable.partition.eof", "true", error.data(), error.size());
  (void)rd_kafka_conf_set(conf, "isolation.level", "read_committed", error.data(), error.size());
  auto* reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error.data(), error.size());
  auto* handle = rd_kafka_topic_new(reader, topic.c_str(), nullptr);
  std::vector<KafkaRead> all;
  for (std::int32_t partition = 0; partition < partitions; ++partition) read_partition(handle, partition, all);
  rd_kafka_topic_destroy(handle);
  rd_kafka_destroy(reader);
  return all;
}

}  // namespace flashsale::test
