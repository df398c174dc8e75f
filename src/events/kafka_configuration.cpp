#include "kafka_configuration.hpp"

#include <stdexcept>
#include <string_view>

#include "flashsale/telemetry/log.hpp"
#include "kafka_properties.hpp"

namespace flashsale::events {
namespace {

void set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value, const char* setting) {
  char ignored[256];  // holds the value, which may be a secret
  const auto result = rd_kafka_conf_set(conf, name.c_str(), value.c_str(), ignored, sizeof ignored);
  if (result == RD_KAFKA_CONF_OK) return;
  throw std::invalid_argument(
      std::string(setting) + ": " +
      (result == RD_KAFKA_CONF_UNKNOWN ? "librdkafka knows no property " : "librdkafka does not take this value of ") +
      name);
}

/// A sink's errors are told by whoever delivers; these lines are for a closer look.
void log(const rd_kafka_t* /*handle*/, int level, const char* facility, const char* text) {
  constexpr int kCritical = 2;
  const telemetry::Field from("from", facility);
  const telemetry::Field said("text", text);
  if (level <= kCritical) return telemetry::log_warn("librdkafka", {from, said});
  telemetry::log_debug("librdkafka", {from, said});
}

KafkaConf common(const KafkaOptions& options) {
  KafkaConf conf(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(conf.get(), log);
  set(conf.get(), "bootstrap.servers", options.brokers, "events.kafka.brokers");
  set(conf.get(), "client.id", "flashsaled", "client.id");
  return conf;
}

}  // namespace

KafkaConfiguration::KafkaConfiguration(const KafkaOptions& options)
    : producer_(common(options)), reader_(common(options)) {
  const auto tell = [](const KafkaConf& conf, const char* name, const std::string& value) {
    set(conf.get(), name, value, "events.kafka");
  };
  // These may be given another value by the file.
  tell(producer_, "linger.ms", "5");
  tell(producer_, "compression.codec", "lz4");
  // As Java's: whoever else writes to the topic finds the same partition for a key.
  tell(producer_, "partitioner", "murmur2_random");
  tell(producer_, "queue.buffering.max.kbytes", "16384");
  if (options.is_exactly_once) tell(producer_, "transactional.id", "flashsaled." + options.topic);
  for (const auto& [name, value] : parse_kafka_properties(options.properties)) {
    set(producer_.get(), name, value, "events.kafka.properties_file");
    if (name != "transactional.id") set(reader_.get(), name, value, "events.kafka.properties_file");
  }
  tell(producer_, "enable.idempotence", "true");
  tell(producer_, "acks", "all");
  // Whoever delivers gives up before that, and then nothing is left to be sent later.
  tell(producer_, "message.timeout.ms", "60000");
  tell(reader_, "isolation.level", "read_committed");
  tell(reader_, "enable.partition.eof", "true");
  tell(reader_, "queued.max.messages.kbytes", "4096");
}

KafkaConf KafkaConfiguration::producer() const { return KafkaConf(rd_kafka_conf_dup(producer_.get())); }
KafkaConf KafkaConfiguration::reader() const { return KafkaConf(rd_kafka_conf_dup(reader_.get())); }

}  // namespace flashsale::events
