#include "kafka_producer.hpp"

#include <algorithm>
#include <array>
#include <thread>

namespace flashsale::events {
namespace {

using std::chrono::milliseconds;

/// Without any acknowledgement: Kafka does not answer.
constexpr milliseconds kAnswerTime{15'000};
/// When librdkafka reaches no broker at all.
constexpr milliseconds kUnreachedTime{3'000};
/// Between two looks at the time.
constexpr milliseconds kSlice{250};
/// A commit whose call timed out can still end within librdkafka after the next call has told of its end: the
/// transaction that has begun since is then taken for ended. Its authors advise against short times here.
constexpr milliseconds kCommitSlice{1000};
constexpr milliseconds kPause{20};

/// As it is told: one of them means something else than it says.
std::string told(rd_kafka_resp_err_t error, const std::string& text) {
  if (error == RD_KAFKA_RESP_ERR__FENCED || error == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
      error == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH) {
    return "another instance delivers with the same transactional id: " + text;
  }
  return std::string(rd_kafka_err2name(error)) + ": " + text;
}

std::string text_of(const KafkaFailure& failure) {
  return told(rd_kafka_error_code(failure.get()), rd_kafka_error_string(failure.get()));
}

bool is_refusal(int error) {
  return error == RD_KAFKA_RESP_ERR__AUTHENTICATION || error == RD_KAFKA_RESP_ERR__SSL ||
         error == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
         error == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ||
         error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

rd_kafka_vu_t memory(rd_kafka_vtype_t type, std::string_view text) {
  rd_kafka_vu_t made{};
  made.vtype = type;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): it is copied
  made.u.mem.ptr = const_cast<char*>(text.data());
  made.u.mem.size = text.size();
  return made;
}

KafkaHeaders headers_of(const KafkaRecord& record) {
  KafkaHeaders headers(rd_kafka_headers_new(record.headers.size()));
  for (const auto& [name, value] : record.headers) {
    (void)rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()), value.data(),
                              static_cast<ssize_t>(value.size()));
  }
  return headers;
}

/// Null: it is queued.
KafkaFailure queue(rd_kafka_t* handle, const KafkaRecord& record, std::size_t number) {
  auto headers = headers_of(record);
  std::array<rd_kafka_vu_t, 8> parts{};
  parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  parts[0].u.cstr = record.topic.c_str();
  parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  parts[1].u.i32 = record.partition;
  parts[2] = memory(RD_KAFKA_VTYPE_KEY, record.key);
  parts[3] = memory(RD_KAFKA_VTYPE_VALUE, record.value);
  parts[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[4].u.i = RD_KAFKA_MSG_F_COPY;
  parts[5].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  parts[5].u.i64 = record.time_ms;
  parts[6].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[6].u.ptr = reinterpret_cast<void*>(number);  // NOLINT(performance-no-int-to-ptr): it is never followed
  parts[7].vtype = RD_KAFKA_VTYPE_HEADERS;
  parts[7].u.headers = headers.get();
  KafkaFailure failure(rd_kafka_produceva(handle, parts.data(), parts.size()));
  if (!failure) (void)headers.release();
  return failure;
}

}  // namespace

KafkaProducer::~KafkaProducer() {
  if (!handle_) return;
  (void)rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  handle_.reset();  // before what its callbacks write to
}

std::string KafkaProducer::open(const KafkaConfiguration& configuration) {
  auto conf = configuration.producer();
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  std::array<char, 512> error{};
  handle_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), error.data(), error.size()));
  if (!handle_) return error.data();
  (void)conf.release();  // is the producer's
  progress_at_ = Clock::now();
  return {};
}

void KafkaProducer::on_delivery(rd_kafka_t* /*handle*/, const rd_kafka_message_t* message, void* self) {
  auto& producer = *static_cast<KafkaProducer*>(self);
  const auto number = reinterpret_cast<std::size_t>(message->_private);
  if (number >= producer.acknowledged_.size()) return;
  --producer.waiting_;
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    producer.acknowledged_[number] = true;
    producer.progress_at_ = Clock::now();
    producer.brokers_are_down_ = false;
  } else if (producer.refused_.empty()) {
    producer.refused_ = told(message->err, rd_kafka_err2str(message->err));
  }
}

void KafkaProducer::on_error(rd_kafka_t* handle, int error, const char* reason, void* self) {
  auto& producer = *static_cast<KafkaProducer*>(self);
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, 512> text{};
    const auto fatal = rd_kafka_fatal_error(handle, text.data(), text.size());
    producer.refused_ = told(fatal, text.data());
  } else if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    producer.brokers_are_down_ = true;
  } else {
    producer.last_error_ = reason;
    if (is_refusal(error)) producer.refused_ = reason;
  }
}

/// Why not to wait any longer; empty: there is no reason.
std::string KafkaProducer::trouble(Clock::time_point deadline) const {
  if (is_over_()) return "interrupted";
  if (!refused_.empty()) return refused_;
  const auto now = Clock::now();
  const auto reason = last_error_.empty() ? std::string() : ": " + last_error_;
  if (brokers_are_down_ && now >= progress_at_ + kUnreachedTime) return "no broker can be reached" + reason;
  if (now >= progress_at_ + kAnswerTime) return "no answer" + reason;
  if (now >= deadline) return "slow: the time for a batch is over" + reason;
  return {};
}

/// Takes the step, which gives its error, again and again while that says that it goes on.
template <class Step>
std::string KafkaProducer::repeat(Step step, Clock::time_point deadline, std::chrono::milliseconds slice) {
  progress_at_ = Clock::now();
  for (;;) {
    const KafkaFailure failure(step(static_cast<int>(slice.count())));
    if (!failure) return {};
    serve_events();
    if (rd_kafka_error_is_retriable(failure.get()) == 0) {
      return text_of(failure);
    }
    if (auto why = trouble(deadline); !why.empty()) return why;
    if (rd_kafka_error_code(failure.get()) != RD_KAFKA_RESP_ERR__TIMED_OUT) std::this_thread::sleep_for(kPause);
  }
}

std::string KafkaProducer::begin_transactions(Clock::time_point deadline) {
  return repeat([this](int ms) { return rd_kafka_init_transactions(handle_.get(), ms); }, deadline, kSlice);
}

std::string KafkaProducer::begin_transaction() {
  const KafkaFailure failure(rd_kafka_begin_transaction(handle_.get()));
  return failure ? text_of(failure) : std::string();
}

std::string KafkaProducer::commit(Clock::time_point deadline) {
  if (is_over_()) return "interrupted";
  return repeat([this](int ms) { return rd_kafka_commit_transaction(handle_.get(), ms); }, deadline, kCommitSlice);
}

void KafkaProducer::begin_batch(std::size_t records) {
  acknowledged_.assign(records, false);
  waiting_ = 0;
  progress_at_ = Clock::now();
}

std::string KafkaProducer::produce(const KafkaRecord& record, std::size_t number, Clock::time_point deadline) {
  for (;;) {
    if (is_over_()) return "interrupted";
    const auto failure = queue(handle_.get(), record, number);
    if (!failure) {
      ++waiting_;
      return {};
    }
    if (rd_kafka_error_code(failure.get()) != RD_KAFKA_RESP_ERR__QUEUE_FULL) return text_of(failure);
    (void)rd_kafka_poll(handle_.get(), static_cast<int>(kSlice.count()));
    if (auto why = trouble(deadline); !why.empty()) return why;
  }
}

std::string KafkaProducer::wait(Clock::time_point deadline) {
  while (waiting_ > 0) {
    (void)rd_kafka_flush(handle_.get(), static_cast<int>(kSlice.count()));
    if (waiting_ == 0) break;
    if (auto why = trouble(deadline); !why.empty()) return why;
  }
  return refused_;
}

std::size_t KafkaProducer::acknowledged() const {
  return static_cast<std::size_t>(std::ranges::find(acknowledged_, false) - acknowledged_.begin());
}

}  // namespace flashsale::events
