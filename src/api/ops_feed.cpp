#include "ops_feed.hpp"

#include <utility>

namespace flashsale::api {

OpsFeed::OpsFeed(boost::asio::io_context& context, Parts parts) : parts_(std::move(parts)), timer_(context) {}

void OpsFeed::follow(const StreamPtr& stream, TimePoint until) {
  watchers_.push_back({stream, until});
  if (is_running_) return stream->push(frame_);
  is_running_ = true;
  last_.reset();
  tell();
}

void OpsFeed::tell() {
  auto reading = parts_.look();
  frame_ = make_frame("event: second\ndata: " + ops_document(parts_.instance, last_, reading) + "\n\n");
  last_ = std::move(reading);
  const auto now = parts_.now();
  for (const auto& watcher : watchers_) {
    if (now < watcher.until) watcher.stream->push(frame_);
    else watcher.stream->end();
  }
  std::erase_if(watchers_, [](const Watcher& watcher) { return !watcher.stream->is_open(); });
  tell_next();
}

/// It rests while nobody watches.
void OpsFeed::tell_next() {
  is_running_ = !watchers_.empty();
  if (!is_running_) return;
  timer_.expires_after(parts_.interval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tell();
  });
}

}  // namespace flashsale::api
