#pragma once
#include <string>

#include "flashsale/events/kafka_sink.hpp"
#include "kafka_library.hpp"

namespace flashsale::events {

/// What librdkafka is told, for the producer and for whoever reads the positions.
class KafkaConfiguration {
 public:
  /// Throws std::invalid_argument with one clear line, without a secret, for what librdkafka does not take.
  explicit KafkaConfiguration(const KafkaOptions& options);

  [[nodiscard]] KafkaConf producer() const;
  [[nodiscard]] KafkaConf reader() const;

 private:
  KafkaConf producer_;
  KafkaConf reader_;
};

}  // namespace flashsale::events
