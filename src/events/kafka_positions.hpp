#pragma once
#include <chrono>
#include <functional>
#include <string>

#include "flashsale/events/sink.hpp"
#include "kafka_configuration.hpp"

namespace flashsale::events {

/// The compacted topic that keeps, for each sink by name, the position of the last event that it was told of. All in
/// its partition 0, written in one transaction with the events.
class KafkaPositions {
 public:
  explicit KafkaPositions(std::string topic) : topic_(std::move(topic)) {}

  [[nodiscard]] const std::string& topic() const { return topic_; }
  /// What is written when this event was the last: it says which one, too, since a PostgreSQL that was put back to an
  /// older state gives its positions anew.
  [[nodiscard]] static std::string value_of(const Event& event);
  /// The last position of `sink` in a transaction that was committed. The topic is created by the producer if it is
  /// not there and that is allowed.
  [[nodiscard]] Sink::OwnPosition read(const KafkaConfiguration& configuration, rd_kafka_t* producer,
                                       const std::string& sink, std::chrono::steady_clock::time_point deadline,
                                       const std::function<bool()>& is_over) const;

 private:
  void create(rd_kafka_t* producer) const;

  std::string topic_;
};

}  // namespace flashsale::events
