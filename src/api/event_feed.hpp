#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "event_page.hpp"
#include "flashsale/model/result.hpp"
#include "stream_hub.hpp"

namespace flashsale::api {

/// Brings new events to all who wait for them on one I/O thread: each page is read once, and each event is made into
/// text once for all who want the same. Who comes from further back, or takes too slowly, gets pages of their own until
/// they have caught up.
/// All but announce() on that thread; reading happens elsewhere.
class EventFeed {
 public:
  using PageRead = std::function<void(const Result<EventPage>&)>;
  struct Parts {
    /// Reads a page on a thread that may block, then calls `then` on this one. False: too many wait already.
    std::function<bool(EventQuery, PageRead then)> read;
    std::function<std::int64_t()> last_position;  ///< as far as is known; any thread
    std::string source;                           ///< of the events
    prometheus::Gauge& polls;                     ///< how many calls wait
  };
  struct Options {
    std::size_t polls_max = 128;
    std::chrono::milliseconds breath{10};  ///< between two pages, for clients to take the first
    std::chrono::milliseconds retry{250};  ///< when a page could not be read
  };
  EventFeed(boost::asio::io_context& context, Parts parts, Options options);
  EventFeed(const EventFeed&) = delete;
  EventFeed& operator=(const EventFeed&) = delete;
  ~EventFeed();

  /// Says that there may be new events. Any thread.
  void announce();

  /// One call that waits.
  struct Poll;
  using PollPtr = std::shared_ptr<Poll>;
  /// `waited`: so long there was nothing to do for the call. What was read for it, before and at last, is not of it.
  using PollAnswer = std::function<void(const Result<EventPage>&, std::chrono::steady_clock::duration waited)>;
  /// Waits behind a page that had nothing: calls `answer` once, with what there is then, or with an empty page when
  /// time is up. Null: as many wait as may.
  [[nodiscard]] PollPtr wait(EventQuery query, std::chrono::steady_clock::time_point deadline, PollAnswer answer);
  /// Nobody waits for the answer any more.
  void forget(const PollPtr& poll);
  /// Answers all calls that wait; none waits any more.
  void end_waits();

  /// Sends `first`, and then what is behind it, until the stream ends.
  void follow(const StreamPtr& stream, const EventFilter& filter, const EventPage& first);
  /// The page that a stream begins with.
  [[nodiscard]] static EventQuery first_query(std::optional<std::int64_t> after, EventFilter filter);

  /// Whether there is anybody whom new events have to be brought at once. Any thread.
  [[nodiscard]] bool is_listening() const { return is_listening_; }

 private:
  struct Follower;
  using FollowerPtr = std::shared_ptr<Follower>;

  [[nodiscard]] bool may_join(std::int64_t position, bool is_at_end) const;
  void join(std::int64_t position);
  void read_for(const PollPtr& poll);
  void settle(const PollPtr& poll, const Result<EventPage>& page, std::chrono::steady_clock::time_point waited_until);
  void read_for(const FollowerPtr& follower);
  void take_page(const FollowerPtr& follower, const EventPage& page);
  void read_again(bool is_at_end, std::function<void()> read);
  void look();
  void look_after(std::chrono::milliseconds pause);
  void take_live(std::int64_t after, const Result<EventPage>& page);
  void deliver_to_streams(std::int64_t after, const EventPage& page);
  void deliver_to_polls(const EventPage& page);
  void end_live(const EventPage& page);
  [[nodiscard]] bool is_anybody_live() const;
  [[nodiscard]] std::string frames_of(const EventPage& page, std::int64_t after, const EventFilter& filter) const;

  boost::asio::io_context& context_;
  Parts parts_;
  Options options_;
  std::int64_t head_ = 0;  ///< whoever is live has been told of all up to here
  std::vector<FollowerPtr> followers_;
  std::vector<PollPtr> polls_;
  boost::asio::steady_timer pause_;
  std::chrono::steady_clock::time_point read_since_{};  ///< what all who are live are brought
  bool is_reading_ = false;
  bool is_pausing_ = false;
  bool is_ending_ = false;
  std::atomic<bool> is_listening_{false};
  std::atomic<bool> is_announced_{false};
};

}  // namespace flashsale::api
