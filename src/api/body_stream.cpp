#include "body_stream.hpp"

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace flashsale::api {

/// What the exchange's thread is at, and how the last of it went.
struct BodyStream::Step {
  std::mutex mutex;
  std::condition_variable done;
  bool is_under_way = false;
  bool went_well = true;
};

BodyStream::BodyStream(std::shared_ptr<Exchange> exchange, Clock::time_point deadline)
    : exchange_(std::move(exchange)), deadline_(deadline), step_(std::make_shared<Step>()) {}

BodyStream::~BodyStream() {
  auto executor = exchange_->executor();
  const bool is_cut = is_open_;
  // Let go of there, too.
  boost::asio::post(executor, [exchange = std::move(exchange_), is_cut] {
    if (is_cut) exchange->cut_stream();
  });
}

void BodyStream::take(std::function<void(Exchange&, const PieceTaken&)> step) {
  {
    const std::lock_guard lock(step_->mutex);
    step_->is_under_way = true;
  }
  PieceTaken then = [state = step_](bool taken) {
    const std::lock_guard lock(state->mutex);
    state->is_under_way = false;
    state->went_well = taken;
    state->done.notify_one();
  };
  boost::asio::post(exchange_->executor(),
                    [exchange = exchange_, step = std::move(step), then = std::move(then)] { step(*exchange, then); });
}

bool BodyStream::wait() {
  std::unique_lock lock(step_->mutex);
  const bool in_time = step_->done.wait_until(lock, deadline_, [this] { return !step_->is_under_way; });
  // One that has gone, or never was to have a body, is over; what time has run out for must be cut.
  if (in_time && !step_->went_well) is_open_ = false;
  return in_time && step_->went_well;
}

bool BodyStream::begin(std::string_view content_type, std::string headers) {
  has_begun_ = is_open_ = true;
  take([content_type, headers = std::move(headers)](Exchange& exchange, const PieceTaken& then) {
    then(exchange.begin_stream({200, content_type, {}, headers}));
  });
  return wait();
}

bool BodyStream::write(std::string piece) {
  if (!is_open_ || !wait()) return false;
  take([piece = std::move(piece)](Exchange& exchange, const PieceTaken& then) { exchange.stream(piece, then); });
  return true;
}

bool BodyStream::end() {
  if (!is_open_ || !wait()) return false;
  is_open_ = false;
  boost::asio::post(exchange_->executor(), [exchange = exchange_] { exchange->end_stream(); });
  return true;
}

}  // namespace flashsale::api
