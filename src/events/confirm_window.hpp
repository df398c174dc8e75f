#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>

#include "flashsale/events/event.hpp"

namespace flashsale::events {

/// Events that were published and are not known to be taken for good, in order, by the numbers that RabbitMQ confirms
/// them by on one channel. How many may wait at once grows with what is confirmed, and begins at one anew after a
/// failure: what comes again and again then is one event alone.
class ConfirmWindow {
 public:
  explicit ConfirmWindow(bool drops_unroutable) : drops_unroutable_(drops_unroutable) {}

  /// A new channel: numbers begin at one.
  void clear();
  /// After a failure, when all are settled: what was published behind it is to be published again.
  void forget();
  void add(EventPtr event);

  void confirm(std::uint64_t number, bool multiple) { settle(number, multiple, State::confirmed); }
  void refuse(std::uint64_t number, bool multiple) { settle(number, multiple, State::refused); }
  /// No queue takes the event with this id; that it is confirmed, too, comes behind. The event, null: there is none.
  const Event* unroutable(std::string_view event_id);

  /// Takes confirmed ones off the front; how many.
  std::size_t take_confirmed();
  /// The first that will not be taken; null: none that is known of.
  [[nodiscard]] const Event* failed() const;
  [[nodiscard]] bool is_unroutable_failed() const;
  [[nodiscard]] bool is_settled() const { return unsettled_ == 0; }
  [[nodiscard]] bool is_full() const { return unsettled_ >= most_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::int64_t first_position() const { return entries_.front().event->position; }

 private:
  enum class State : std::uint8_t { waiting, confirmed, refused };
  struct Entry {
    EventPtr event;
    State state = State::waiting;
    bool is_unroutable = false;
  };

  void settle(std::uint64_t number, bool multiple, State state);
  [[nodiscard]] bool has_failed(const Entry& entry) const {
    return entry.state == State::refused || (entry.is_unroutable && !drops_unroutable_);
  }
  [[nodiscard]] const Entry* first_failed() const;

  bool drops_unroutable_;
  std::deque<Entry> entries_;
  std::uint64_t first_number_ = 1;  ///< of the entry in front
  std::size_t unsettled_ = 0;
  std::size_t most_ = 1;
};

}  // namespace flashsale::events
