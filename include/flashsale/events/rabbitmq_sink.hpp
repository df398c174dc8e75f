#pragma once
#include <memory>
#include <string>

#include "flashsale/events/sink.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::events {

struct RabbitmqOptions {
  std::string url;                ///< amqp:// or amqps://
  std::string ca_file;            ///< whose certificates amqps:// trusts; empty: the system's
  std::string exchange;           ///< topic, durable; declared if it is not there
  std::string source;             ///< setting events.source
  bool drops_unroutable = false;  ///< go on behind an event that no queue takes
};

/// Events to a topic exchange of RabbitMQ: persistent, confirmed, in the binary mode of the AMQP binding of
/// CloudEvents. Throws std::invalid_argument with one clear line, without a secret, for an URL that it cannot use;
/// start-up only.
[[nodiscard]] std::unique_ptr<Sink> make_rabbitmq_sink(RabbitmqOptions options, telemetry::Metrics& metrics);

}  // namespace flashsale::events
