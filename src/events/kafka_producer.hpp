#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kafka_configuration.hpp"
#include "kafka_library.hpp"

namespace flashsale::events {

struct KafkaRecord {
  std::string topic;
  std::int32_t partition = RD_KAFKA_PARTITION_UA;  ///< as the key says
  std::string_view key;
  std::string_view value;
  std::int64_t time_ms = 0;  ///< 0: now
  std::vector<std::pair<std::string, std::string>> headers;
};

/// One producer of librdkafka and the batch that it has in hand. One thread. Errors are texts for whoever operates it,
/// empty if all is well; after one it is to be destroyed, which leaves nothing behind that would be sent later.
class KafkaProducer {
 public:
  using Clock = std::chrono::steady_clock;

  /// `is_over`: somebody does not want what goes on any more; asked all along.
  explicit KafkaProducer(std::function<bool()> is_over) : is_over_(std::move(is_over)) {}
  ~KafkaProducer();
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  [[nodiscard]] std::string open(const KafkaConfiguration& configuration);
  [[nodiscard]] rd_kafka_t* handle() const { return handle_.get(); }

  /// Fences whoever has the same transactional id, and ends what it has left open.
  [[nodiscard]] std::string begin_transactions(Clock::time_point deadline);
  [[nodiscard]] std::string begin_transaction();
  [[nodiscard]] std::string commit(Clock::time_point deadline);

  void begin_batch(std::size_t records);
  /// `number`: of the record in the batch.
  [[nodiscard]] std::string produce(const KafkaRecord& record, std::size_t number, Clock::time_point deadline);
  /// Until all of the batch are acknowledged.
  [[nodiscard]] std::string wait(Clock::time_point deadline);
  /// How many of the first ones are acknowledged.
  [[nodiscard]] std::size_t acknowledged() const;
  void serve_events() { (void)rd_kafka_poll(handle_.get(), 0); }

 private:
  static void on_delivery(rd_kafka_t* handle, const rd_kafka_message_t* message, void* self);
  static void on_error(rd_kafka_t* handle, int error, const char* reason, void* self);
  [[nodiscard]] std::string trouble(Clock::time_point deadline) const;
  template <class Step>
  [[nodiscard]] std::string repeat(Step step, Clock::time_point deadline, std::chrono::milliseconds slice);

  std::function<bool()> is_over_;
  KafkaHandle handle_;
  std::vector<bool> acknowledged_;
  std::size_t waiting_ = 0;
  std::string refused_;  ///< what cannot become better by itself
  std::string last_error_;
  bool brokers_are_down_ = false;
  Clock::time_point progress_at_{};
};

}  // namespace flashsale::events
