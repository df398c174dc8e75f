#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "flashsale/events/event.hpp"
#include "flashsale/postgres/event_repository.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::events {

/// The line of events as this process reads it: the newest ones stand in memory, read and rendered once however many
/// want them, and older ones come from PostgreSQL. Any thread.
class EventLog {
 public:
  /// Up to this position there are events, as far as is known here; 0 at first. It falls only with a PostgreSQL that
  /// was put back to an older state.
  [[nodiscard]] std::int64_t last_position() const;
  /// How often it has fallen: what was read before the last time may stand elsewhere, or nowhere.
  [[nodiscard]] std::int64_t falls() const;
  /// Tells that there are events up to here, and wakes who waits for them. Fewer than before: PostgreSQL has gone back,
  /// and what stood behind that place is forgotten. From one thread.
  void announce(std::int64_t last_position);
  /// Calls `announced` with each new last position from then on, in the thread that announces it; it must not block.
  /// `is_waiting`: whether it waits for one now. Any thread.
  void on_announce(std::function<void(std::int64_t)> announced, std::function<bool()> is_waiting);
  /// Until there is an event behind `position`; false: the deadline has come first, or interrupt() was called.
  bool wait_beyond(std::int64_t position, std::chrono::steady_clock::time_point deadline);
  /// Ends all waits, for good.
  void interrupt();
  /// Whether anybody waits now, in wait_beyond() or by on_announce().
  [[nodiscard]] bool has_readers() const;

  /// Events behind `after`, in order and without a gap, at most `limit`. An empty list: there is none yet, or what is
  /// next is missing (then last_position() is more than `after`).
  [[nodiscard]] Result<std::vector<EventPtr>> read(postgres::Session& session, std::int64_t after, std::size_t limit);

 private:
  struct Listener {
    std::function<void(std::int64_t)> announced;
    std::function<bool()> is_waiting;
  };
  using Sales = std::map<std::int32_t, std::shared_ptr<const Sale>>;
  class Turn;

  [[nodiscard]] std::vector<EventPtr> recent(std::int64_t after, std::size_t limit) const;
  [[nodiscard]] Result<std::vector<EventPtr>> load(postgres::Session& session, std::int64_t after, std::size_t limit);
  [[nodiscard]] Result<std::shared_ptr<const Sale>> sale_of(postgres::Session& session, const postgres::EventRow& row);
  void keep(const std::vector<EventPtr>& events);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::int64_t last_position_ = 0;
  bool interrupted_ = false;
  std::int64_t falls_ = 0;
  std::size_t waiting_ = 0;
  std::deque<EventPtr> recent_;  ///< of consecutive positions
  std::size_t recent_bytes_ = 0;
  std::chrono::steady_clock::time_point recent_since_{};  ///< when the oldest of them was read
  std::vector<Listener> listeners_;

  bool is_loading_ = false;  ///< what is near the end: one reads it, and the others find it; guarded by mutex_
  std::condition_variable loaded_;
  std::mutex sales_mutex_;
  Sales sales_;
};

}  // namespace flashsale::events
