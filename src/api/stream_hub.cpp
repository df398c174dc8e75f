#include "stream_hub.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <random>
#include <utility>

#include "flashsale/telemetry/log.hpp"

namespace flashsale::api {
namespace {

/// What goes to a client at once, so that one that reads slowly holds little beside its queue.
constexpr std::size_t kPieceBytes = std::size_t{32} * 1024;
/// When clients come again: not all at one moment.
constexpr unsigned kRetryMsMin = 1'000;
constexpr unsigned kRetryMsMax = 5'000;
constexpr std::string_view kHeaders = "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n";

Frame make_retry() {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<unsigned> milliseconds(kRetryMsMin, kRetryMsMax);
  return make_frame("retry: " + std::to_string(milliseconds(random)) + "\n\n");
}

/// The client is to come again, but not all at one moment.
void bid_farewell(Stream& stream) {
  stream.push(make_retry());
  stream.end();
}

/// At most a day: what is far away would not fit.
std::chrono::milliseconds time_until(TimePoint until) {
  constexpr std::chrono::milliseconds kMost = std::chrono::days(1);
  // In the unit of `until`, whose greatest value fits no finer one.
  const auto now = std::chrono::time_point_cast<TimePoint::duration>(std::chrono::system_clock::now());
  if (until > now + kMost) return kMost;
  return std::chrono::duration_cast<std::chrono::milliseconds>(until - now);
}

}  // namespace

Frame make_frame(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

// ---- one stream

Stream::Stream(StreamHub& hub, std::shared_ptr<Exchange> exchange) : hub_(hub), exchange_(std::move(exchange)) {}

void Stream::push(Frame frame) {
  if (!is_open() || is_ending_ || frame->empty()) return;
  if (!is_idle() && queued_bytes_ + frame->size() > hub_.options_.buffer_bytes_max) {
    telemetry::log_info("stream cut: its client reads too slowly", {{"peer", exchange_->request().peer_address}});
    return cut();
  }
  queued_bytes_ += frame->size();
  queue_.push_back(std::move(frame));
  if (!is_sending_) send();
}

void Stream::send() {
  is_sending_ = true;
  std::string piece;
  while (!queue_.empty() && piece.size() < kPieceBytes) {
    const std::string_view rest = std::string_view(*queue_.front()).substr(sent_of_front_);
    const auto part = rest.substr(0, kPieceBytes - piece.size());
    piece += part;
    queued_bytes_ -= part.size();
    sent_of_front_ += part.size();
    if (part.size() < rest.size()) break;
    queue_.pop_front();
    sent_of_front_ = 0;
  }
  exchange_->stream(piece, [self = shared_from_this()](bool by_client) { self->taken(by_client); });
}

void Stream::taken(bool by_client) {
  if (!is_open()) return;
  if (!by_client) return finish();
  is_sending_ = false;
  if (!queue_.empty()) return send();
  if (is_ending_) {
    exchange_->end_stream();
    return finish();
  }
  // It may end the stream, and with it what is being called.
  const auto then = on_idle_;
  if (then) then();
}

void Stream::end() {
  if (!is_open()) return;
  is_ending_ = true;
  if (!is_idle()) return;
  exchange_->end_stream();
  finish();
}

void Stream::cut() {
  if (!is_open()) return;
  exchange_->cut_stream();
  finish();
}

/// Whatever comes of it comes from the loop: the caller may be going through all streams.
void Stream::finish() {
  if (!is_open()) return;
  exchange_.reset();
  queue_.clear();
  queued_bytes_ = 0;
  boost::asio::post(hub_.context_, [self = shared_from_this(), idle = std::exchange(on_idle_, nullptr),
                                    then = std::exchange(on_end_, nullptr)] {
    self->hub_.remove(*self);
    if (then) then();
  });
}

// ---- all of them

StreamHub::StreamHub(boost::asio::io_context& context, Options options, prometheus::Gauge& streams)
    : context_(context),
      options_(options),
      gauge_(streams),
      heartbeat_timer_(context),
      grace_timer_(context),
      heartbeat_(make_frame(":\n\n")) {}

/// Each stream and its connection know each other while a piece is on its way.
StreamHub::~StreamHub() {
  for (const auto& stream : streams_) {
    stream->exchange_.reset();
    stream->on_idle_ = stream->on_end_ = nullptr;
  }
}

StreamPtr StreamHub::open(Exchange& exchange, TimePoint until) {
  if (is_ending_) {
    reply_problem(exchange, ProblemType::unavailable, "this process is about to end: another one will answer");
    return nullptr;
  }
  if (streams_.size() >= options_.streams_max) {
    reply_problem(exchange, ProblemType::overloaded, "as many streams are open as there may be");
    return nullptr;
  }
  if (!exchange.begin_stream({200, "text/event-stream", {}, kHeaders})) return nullptr;
  auto stream = std::make_shared<Stream>(*this, exchange.shared_from_this());
  stream->ends_at_ = std::chrono::steady_clock::now() + std::min(options_.life, time_until(until));
  streams_.push_back(stream);
  gauge_.Increment();
  exchange.watch_client([weak = std::weak_ptr<Stream>(stream)] {
    if (const auto watched = weak.lock()) watched->finish();
  });
  stream->push(make_retry());
  schedule_heartbeat();
  return stream;
}

void StreamHub::end_present() {
  for (const auto& stream : streams_) bid_farewell(*stream);
}

void StreamHub::end_all() {
  if (std::exchange(is_ending_, true)) return;
  end_present();
  grace_timer_.expires_after(options_.end_grace);
  grace_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    for (const auto& stream : streams_) stream->cut();
  });
}

void StreamHub::remove(const Stream& stream) {
  const auto removed = std::erase_if(streams_, [&](const StreamPtr& one) { return one.get() == &stream; });
  gauge_.Decrement(static_cast<double>(removed));
  if (streams_.empty()) heartbeat_timer_.cancel();
}

/// One timer for all. It rests while there are none.
void StreamHub::schedule_heartbeat() {
  if (std::exchange(is_beating_, true)) return;
  heartbeat_timer_.expires_after(options_.heartbeat);
  heartbeat_timer_.async_wait([this](const boost::system::error_code& error) {
    is_beating_ = false;
    if (!error) beat();
    if (!streams_.empty()) schedule_heartbeat();
  });
}

void StreamHub::beat() {
  const auto now = std::chrono::steady_clock::now();
  for (const auto& stream : streams_) {
    if (stream->ends_at_ < now) bid_farewell(*stream);
    else if (stream->is_idle()) stream->push(heartbeat_);
  }
}

}  // namespace flashsale::api
