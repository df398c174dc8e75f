#include "flashsale/events/kafka_sink.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "attributes.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/telemetry/log.hpp"
#include "kafka_configuration.hpp"
#include "kafka_library.hpp"
#include "kafka_positions.hpp"
#include "kafka_producer.hpp"

namespace flashsale::events {
namespace {

using Clock = std::chrono::steady_clock;

/// Of one transaction, whose beginning and end cost as much whatever is between them.
constexpr std::size_t kTransactionEventsMax = 5000;
constexpr std::size_t kTransactionBytesMax = std::size_t{8} * 1024 * 1024;
/// A slow way to Kafka takes smaller ones, down to these, so that each ends in its time.
constexpr std::size_t kTransactionEventsMin = 100;
/// What an event takes beside its data.
constexpr std::size_t kAttributeBytes = 600;

/// The first ones that go into one transaction; at least one.
std::span<const EventPtr> first_of(std::span<const EventPtr> events, std::size_t most) {
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (; count < std::min(most, events.size()); ++count) {
    bytes += events[count]->data.size() + kAttributeBytes;
    if (count > 0 && bytes > kTransactionBytesMax) break;
  }
  return events.first(count);
}

std::int64_t time_ms_of(const Event& event) {
  const auto at = parse_rfc3339(event.time);
  return at ? std::chrono::duration_cast<std::chrono::milliseconds>(at->time_since_epoch()).count() : 0;
}

class KafkaSink final : public Sink {
 public:
  explicit KafkaSink(KafkaOptions options)
      : options_(std::move(options)), configuration_(options_), positions_(options_.topic + ".positions") {}

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::string& kind() const override { return name_; }
  void use(postgres::Session& /*session*/, const Leadership& leadership) override { leadership_ = &leadership; }
  [[nodiscard]] std::size_t batch_max() const override {
    return options_.is_exactly_once ? kTransactionEventsMax : Sink::batch_max();
  }
  [[nodiscard]] bool reads_ahead() const override { return true; }
  [[nodiscard]] Delivered deliver(std::span<const EventPtr> events, Clock::time_point deadline) override;
  [[nodiscard]] OwnPosition own_position(Clock::time_point deadline) override;
  [[nodiscard]] std::string probe(Clock::time_point deadline) override;
  bool tend() override {
    if (producer_) producer_->serve_events();
    return false;
  }
  void release() override;
  void interrupt() override { interrupted_ = true; }

 private:
  [[nodiscard]] bool is_over() const { return interrupted_ || !leadership_->holds(); }
  [[nodiscard]] std::string connect(Clock::time_point deadline);
  [[nodiscard]] std::string begin_exactly_once(Clock::time_point deadline);
  [[nodiscard]] std::size_t already_taken(std::span<const EventPtr> events) const;
  [[nodiscard]] Delivered publish(std::span<const EventPtr> events, Clock::time_point deadline);
  [[nodiscard]] Delivered transact(std::span<const EventPtr> events, Clock::time_point deadline);
  [[nodiscard]] std::string transact_all(std::span<const EventPtr> events, Clock::time_point deadline);
  [[nodiscard]] std::string produce(std::span<const EventPtr> events, Clock::time_point deadline);
  [[nodiscard]] KafkaRecord record_of(const Event& event, std::string& value) const;
  [[nodiscard]] std::string failed(const std::string& error);

  std::string name_ = "kafka";
  const Leadership* leadership_ = nullptr;
  KafkaOptions options_;
  KafkaConfiguration configuration_;
  KafkaPositions positions_;
  std::atomic<bool> interrupted_{false};
  std::unique_ptr<KafkaProducer> producer_;  ///< null: after an error there is a new one, which knows nothing
  // Exactly once:
  std::size_t transaction_max_ = kTransactionEventsMax;
  OwnPosition own_;                    ///< as Kafka has it
  std::optional<std::int64_t> known_;  ///< as whoever delivers knows it
  std::int64_t skip_until_ = 0;        ///< Kafka was told of these, and whoever delivers does not know
};

Delivered KafkaSink::deliver(std::span<const EventPtr> events, Clock::time_point deadline) {
  const bool is_new = !producer_;
  if (auto error = connect(deadline); !error.empty()) return {0, std::move(error)};
  // The transaction whose outcome was not known has been committed after all, or somebody else delivered meanwhile.
  if (is_new && own_.position && own_.position != known_) skip_until_ = *own_.position;
  const auto taken = already_taken(events);
  const auto rest = events.subspan(taken);
  if (rest.empty()) return {taken, {}};
  auto delivered = options_.is_exactly_once ? transact(rest, deadline) : publish(rest, deadline);
  delivered.events += taken;
  return delivered;
}

Sink::OwnPosition KafkaSink::own_position(Clock::time_point deadline) {
  if (!options_.is_exactly_once) return {};
  if (auto error = connect(deadline); !error.empty()) return {{}, std::move(error), {}, {}};
  // What comes now is meant, also if it was there before.
  known_ = own_.position;
  skip_until_ = 0;
  return own_;
}

std::string KafkaSink::connect(Clock::time_point deadline) {
  if (is_over()) return "interrupted";
  if (producer_) return {};
  own_ = {};
  producer_ = std::make_unique<KafkaProducer>([this] { return is_over(); });
  if (auto error = producer_->open(configuration_); !error.empty()) return failed(error);
  if (!options_.is_exactly_once) return {};
  const auto error = begin_exactly_once(deadline);
  return error.empty() ? error : failed(error);
}

/// Whoever delivered before is fenced off and its last transaction ended, so what is read then is final.
std::string KafkaSink::begin_exactly_once(Clock::time_point deadline) {
  if (auto error = producer_->begin_transactions(deadline); !error.empty()) return error;
  auto found = positions_.read(configuration_, producer_->handle(), name_, deadline, [this] { return is_over(); });
  auto error = std::move(found.error);
  if (error.empty()) own_ = std::move(found);
  return error;
}

/// Of the first ones.
std::size_t KafkaSink::already_taken(std::span<const EventPtr> events) const {
  const auto is_taken = [this](const EventPtr& event) { return event->position <= skip_until_; };
  return static_cast<std::size_t>(std::ranges::find_if_not(events, is_taken) - events.begin());
}

Delivered KafkaSink::publish(std::span<const EventPtr> events, Clock::time_point deadline) {
  producer_->begin_batch(events.size());
  auto error = produce(events, deadline);
  if (auto waited = producer_->wait(deadline); error.empty()) error = std::move(waited);
  const auto acknowledged = producer_->acknowledged();
  if (error.empty()) return {acknowledged, {}};
  return {acknowledged, failed(error)};
}

Delivered KafkaSink::transact(std::span<const EventPtr> events, Clock::time_point deadline) {
  const auto batch = first_of(events, transaction_max_);
  if (auto error = transact_all(batch, deadline); !error.empty()) {
    const bool took_too_long = Clock::now() >= deadline;
    if (took_too_long) transaction_max_ = std::max(kTransactionEventsMin, batch.size() / 2);
    return {0, failed(error)};
  }
  transaction_max_ = std::min(kTransactionEventsMax, transaction_max_ * 2);
  own_ = {batch.back()->position, {}, batch.back()->id, batch.back()->time};
  known_ = batch.back()->position;
  return {batch.size(), {}};
}

std::string KafkaSink::transact_all(std::span<const EventPtr> events, Clock::time_point deadline) {
  producer_->begin_batch(events.size() + 1);
  if (auto error = producer_->begin_transaction(); !error.empty()) return error;
  if (auto error = produce(events, deadline); !error.empty()) return error;
  const auto position = KafkaPositions::value_of(*events.back());
  const KafkaRecord record{.topic = positions_.topic(), .partition = 0, .key = name_, .value = position, .headers = {}};
  if (auto error = producer_->produce(record, events.size(), deadline); !error.empty()) return error;
  return producer_->commit(deadline);
}

std::string KafkaSink::produce(std::span<const EventPtr> events, Clock::time_point deadline) {
  std::string value;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (auto error = producer_->produce(record_of(*events[i], value), i, deadline); !error.empty()) return error;
  }
  return {};
}

/// `value`: where it may keep what the record points to.
KafkaRecord KafkaSink::record_of(const Event& event, std::string& value) const {
  KafkaRecord record;
  record.topic = options_.topic;
  record.key = event.partition_key;
  record.time_ms = time_ms_of(event);
  if (!options_.is_binary) {
    value.clear();
    append_cloud_event(value, event, options_.source);
    record.value = value;
    record.headers.emplace_back("content-type", "application/cloudevents+json; charset=UTF-8");
    return record;
  }
  record.value = event.data;
  record.headers.emplace_back("content-type", kDataContentType);
  for (auto& [name, text] : attributes_of(event, options_.source)) {
    record.headers.emplace_back("ce_" + std::string(name), std::move(text));
  }
  return record;
}

/// As one who reads: the transactional id stays with whoever delivers, and no topic is made.
std::string KafkaSink::probe(Clock::time_point deadline) {
  auto conf = configuration_.reader();
  std::array<char, 512> text{};
  const KafkaHandle handle(rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), text.data(), text.size()));
  if (!handle) return text.data();
  (void)conf.release();  // is the reader's
  const KafkaTopic topic(rd_kafka_topic_new(handle.get(), options_.topic.c_str(), nullptr));
  const rd_kafka_metadata_t* found = nullptr;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  auto error = rd_kafka_metadata(handle.get(), 0, topic.get(), &found, static_cast<int>(left.count()));
  if (found != nullptr) {
    if (found->topic_cnt == 1) error = found->topics[0].err;
    rd_kafka_metadata_destroy(found);
  }
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return "topic " + options_.topic + ": " + rd_kafka_err2str(error);
}

/// What was queued is gone with the producer, and what was sent is sent again by the next one.
std::string KafkaSink::failed(const std::string& error) {
  producer_.reset();
  own_ = {};
  return "Kafka: " + error;
}

void KafkaSink::release() {
  producer_.reset();
  own_ = {};
  known_.reset();
  skip_until_ = 0;
  interrupted_ = false;
}

}  // namespace

std::unique_ptr<Sink> make_kafka_sink(KafkaOptions options) { return std::make_unique<KafkaSink>(std::move(options)); }

}  // namespace flashsale::events
