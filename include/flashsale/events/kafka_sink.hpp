#pragma once
#include <memory>
#include <string>

#include "flashsale/events/sink.hpp"

namespace flashsale::events {

struct KafkaOptions {
  std::string brokers;  ///< host:port, with commas between
  std::string topic;
  std::string properties;  ///< of librdkafka, `name=value` a line
  std::string source;      ///< setting events.source
  bool is_binary = false;  ///< the data as value and the attributes as headers, instead of whole CloudEvents
  bool is_exactly_once = false;
};

/// Events to a topic of Kafka, by a producer that repeats nothing and loses nothing while it lives; with exactly_once
/// in transactions that hold the position, too. Throws std::invalid_argument with one clear line, without a secret, for
/// properties that it cannot use; start-up only.
[[nodiscard]] std::unique_ptr<Sink> make_kafka_sink(KafkaOptions options);

}  // namespace flashsale::events
