#pragma once
#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>

namespace flashsale::events {

template <auto Destroy>
struct KafkaDestroy {
  template <class T>
  void operator()(T* object) const {
    Destroy(object);
  }
};

using KafkaConf = std::unique_ptr<rd_kafka_conf_t, KafkaDestroy<rd_kafka_conf_destroy>>;
using KafkaHandle = std::unique_ptr<rd_kafka_t, KafkaDestroy<rd_kafka_destroy>>;
using KafkaTopic = std::unique_ptr<rd_kafka_topic_t, KafkaDestroy<rd_kafka_topic_destroy>>;
using KafkaHeaders = std::unique_ptr<rd_kafka_headers_t, KafkaDestroy<rd_kafka_headers_destroy>>;
using KafkaMessage = std::unique_ptr<rd_kafka_message_t, KafkaDestroy<rd_kafka_message_destroy>>;
using KafkaFailure = std::unique_ptr<rd_kafka_error_t, KafkaDestroy<rd_kafka_error_destroy>>;

}  // namespace flashsale::events
