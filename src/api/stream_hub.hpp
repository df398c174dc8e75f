#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "flashsale/api/exchange.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::api {

/// Text of a stream of server-sent events, made once however many clients get it.
using Frame = std::shared_ptr<const std::string>;
[[nodiscard]] Frame make_frame(std::string text);

class StreamHub;

/// One client's endless answer. Of the hub's thread, as all here.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(StreamHub& hub, std::shared_ptr<Exchange> exchange);

  /// Sends it behind what was pushed before. A client that takes it too slowly is cut off instead.
  void push(Frame frame);
  [[nodiscard]] bool is_open() const { return exchange_ != nullptr; }
  /// The client has taken all that was pushed.
  [[nodiscard]] bool is_idle() const { return !is_sending_ && queue_.empty(); }
  /// What waits for the client to take what is on its way.
  [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }
  /// Called from the loop each time the client has taken all; forgotten at the end.
  void on_idle(std::function<void()> then) { on_idle_ = std::move(then); }
  /// Called from the loop once, when the stream has ended, whoever ended it.
  void on_end(std::function<void()> then) { on_end_ = std::move(then); }
  /// Ends it, once the client has taken what was pushed.
  void end();

 private:
  friend class StreamHub;
  void send();
  void taken(bool by_client);
  void cut();
  void finish();

  StreamHub& hub_;
  std::shared_ptr<Exchange> exchange_;  ///< null: it has ended
  std::chrono::steady_clock::time_point ends_at_ = std::chrono::steady_clock::time_point::max();
  std::deque<Frame> queue_;
  std::size_t queued_bytes_ = 0;
  std::size_t sent_of_front_ = 0;  ///< bytes of the first in the queue
  bool is_sending_ = false;
  bool is_ending_ = false;
  std::function<void()> on_idle_;
  std::function<void()> on_end_;
};
using StreamPtr = std::shared_ptr<Stream>;

/// All streams of server-sent events of one I/O thread: how many there may be, how far a client may be behind, and that
/// none falls silent. What they tell is the business of who opens them.
class StreamHub {
 public:
  struct Options {
    std::size_t streams_max = 256;
    std::size_t buffer_bytes_max = std::size_t{512} * 1024;  ///< that one client has not taken yet
    std::chrono::milliseconds heartbeat{15'000};             ///< a comment, where nothing else is sent
    std::chrono::milliseconds life{3'600'000};               ///< then it is asked anew who may listen
    std::chrono::milliseconds end_grace{1'000};              ///< for clients to take the last, once all are to end
  };

  /// `streams` counts them, with those of other hubs.
  StreamHub(boost::asio::io_context& context, Options options, prometheus::Gauge& streams);
  StreamHub(const StreamHub&) = delete;
  StreamHub& operator=(const StreamHub&) = delete;
  ~StreamHub();

  /// Begins the answer, and says when a client that has lost it is to come again. Null: there is to be none, as there
  /// are too many already, all are to end (503, which is answered here), or the client has gone.
  /// At `until` it ends, or with a heartbeat later: what has opened it is good no longer.
  [[nodiscard]] StreamPtr open(Exchange& exchange, TimePoint until = TimePoint::max());
  /// Ends those that there are; their clients come again.
  void end_present();
  /// The same, and opens none any more; clients that do not take the end are cut.
  void end_all();
  [[nodiscard]] std::size_t size() const { return streams_.size(); }
  [[nodiscard]] bool is_ending() const { return is_ending_; }

 private:
  friend class Stream;
  void remove(const Stream& stream);
  void schedule_heartbeat();
  void beat();

  boost::asio::io_context& context_;
  Options options_;
  prometheus::Gauge& gauge_;
  std::vector<StreamPtr> streams_;
  boost::asio::steady_timer heartbeat_timer_;
  boost::asio::steady_timer grace_timer_;
  Frame heartbeat_;
  bool is_beating_ = false;
  bool is_ending_ = false;
};

}  // namespace flashsale::api
