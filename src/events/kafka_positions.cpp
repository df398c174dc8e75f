#include "kafka_positions.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <thread>

#include "kafka_library.hpp"

namespace flashsale::events {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, KafkaDestroy<rd_kafka_NewTopic_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, KafkaDestroy<rd_kafka_queue_destroy>>;
using QueueEvent = std::unique_ptr<rd_kafka_event_t, KafkaDestroy<rd_kafka_event_destroy>>;

constexpr int kCreateMs = 3000;
constexpr int kSliceMs = 250;
/// A topic that was created a moment ago may not be known yet.
constexpr milliseconds kAppearTime{5000};
constexpr milliseconds kPause{100};
/// Records that are read first, from the end; each further look is wider.
constexpr std::int64_t kFirstLook = 100;
constexpr std::int64_t kWider = 100;
constexpr std::int32_t kPartition = 0;

/// Takes what is before the next space.
std::string_view take_word(std::string_view& text) {
  const auto word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return word;
}

/// `POSITION TIME ID`, or the first alone.
Sink::OwnPosition read_position(std::string_view value) {
  const auto number = take_word(value);
  Sink::OwnPosition read;
  std::int64_t position = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), position);
  if (error != std::errc{} || end != number.data() + number.size()) return read;
  read.position = position;
  read.event_time = take_word(value);
  read.event_id = value;
  return read;
}

/// Reads partition 0 of one topic from an offset to its end.
class Reader {
 public:
  Reader(rd_kafka_t* handle, const std::string& topic) : topic_(rd_kafka_topic_new(handle, topic.c_str(), nullptr)) {}

  /// The last value with this key. `error`: it was not read to the end.
  Sink::OwnPosition last(const std::string& key, std::int64_t from, Clock::time_point deadline,
                         const std::function<bool()>& is_over) {
    Sink::OwnPosition found;
    if (rd_kafka_consume_start(topic_.get(), kPartition, from) != 0) {
      return {{}, rd_kafka_err2str(rd_kafka_last_error()), {}, {}};
    }
    for (;;) {
      const KafkaMessage message(rd_kafka_consume(topic_.get(), kPartition, kSliceMs));
      if (message && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) break;
      if (message && message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        found.error = rd_kafka_message_errstr(message.get());
        break;
      }
      if (message) take(*message, key, found);
      if (!is_over() && Clock::now() < deadline) continue;
      found.error = "was not read in time";
      break;
    }
    (void)rd_kafka_consume_stop(topic_.get(), kPartition);
    return found;
  }

 private:
  static void take(const rd_kafka_message_t& message, std::string_view key, Sink::OwnPosition& found) {
    if (std::string_view(static_cast<const char*>(message.key), message.key_len) != key) return;
    const std::string_view value(static_cast<const char*>(message.payload), message.len);
    if (auto read = read_position(value); read.position) found = std::move(read);
  }

  KafkaTopic topic_;
};

bool may_appear(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
         error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
         error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || error == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

struct Bounds {
  std::int64_t low = 0;
  std::int64_t high = 0;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
};

Bounds bounds_of(rd_kafka_t* handle, const std::string& topic) {
  Bounds bounds;
  bounds.error =
      rd_kafka_query_watermark_offsets(handle, topic.c_str(), kPartition, &bounds.low, &bounds.high, kSliceMs * 4);
  return bounds;
}

/// Of a topic that may have been created a moment ago.
Bounds wait_for_bounds(rd_kafka_t* handle, const std::string& topic, Clock::time_point deadline,
                       const std::function<bool()>& is_over) {
  const auto patience = std::min(deadline, Clock::now() + kAppearTime);
  for (;;) {
    const auto bounds = bounds_of(handle, topic);
    if (!may_appear(bounds.error) || is_over() || Clock::now() >= patience) return bounds;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

std::string KafkaPositions::value_of(const Event& event) {
  return std::to_string(event.position) + ' ' + event.time + ' ' + event.id;
}

/// What becomes of it is found out by whoever reads.
void KafkaPositions::create(rd_kafka_t* producer) const {
  std::array<char, 256> ignored{};
  NewTopic topic(rd_kafka_NewTopic_new(topic_.c_str(), 1, -1, ignored.data(), ignored.size()));
  if (!topic) return;
  (void)rd_kafka_NewTopic_set_config(topic.get(), "cleanup.policy", "compact");
  (void)rd_kafka_NewTopic_set_config(topic.get(), "segment.bytes", "16777216");
  const std::unique_ptr<rd_kafka_AdminOptions_t, KafkaDestroy<rd_kafka_AdminOptions_destroy>> options(
      rd_kafka_AdminOptions_new(producer, RD_KAFKA_ADMIN_OP_CREATETOPICS));
  (void)rd_kafka_AdminOptions_set_request_timeout(options.get(), kCreateMs, ignored.data(), ignored.size());
  const Queue queue(rd_kafka_queue_new(producer));
  std::array<rd_kafka_NewTopic_t*, 1> topics{topic.get()};
  rd_kafka_CreateTopics(producer, topics.data(), topics.size(), options.get(), queue.get());
  const QueueEvent done(rd_kafka_queue_poll(queue.get(), kCreateMs));
}

Sink::OwnPosition KafkaPositions::read(const KafkaConfiguration& configuration, rd_kafka_t* producer,
                                       const std::string& sink, Clock::time_point deadline,
                                       const std::function<bool()>& is_over) const {
  auto conf = configuration.reader();
  std::array<char, 512> text{};
  const KafkaHandle handle(rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), text.data(), text.size()));
  if (!handle) return {{}, text.data(), {}, {}};
  (void)conf.release();  // is the reader's
  const auto failed = [&](const std::string& error) {
    return Sink::OwnPosition{{}, "the positions in topic " + topic_ + ": " + error, {}, {}};
  };
  auto bounds = bounds_of(handle.get(), topic_);
  if (may_appear(bounds.error)) {
    create(producer);
    bounds = wait_for_bounds(handle.get(), topic_, deadline, is_over);
  }
  if (bounds.error != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(rd_kafka_err2str(bounds.error));
  Reader reader(handle.get(), topic_);
  for (std::int64_t look = kFirstLook;; look *= kWider) {
    const auto from = std::max(bounds.low, bounds.high - look);
    auto found = reader.last(sink, from, deadline, is_over);
    if (!found.error.empty()) return failed(found.error);
    if (found.position || from == bounds.low) return found;
  }
}

}  // namespace flashsale::events
