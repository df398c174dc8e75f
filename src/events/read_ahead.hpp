#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "flashsale/events/event_log.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::events {

/// Reads the events that come next while the last ones are delivered, by a session of its own and one thread for each
/// reading. One thread uses it.
class ReadAhead {
 public:
  ReadAhead(const postgres::Options& postgres, std::string session_name, EventLog& log);

  /// In the background, what stands behind `after`: at most `limit` events. Where no thread can be had, nothing is.
  void begin(std::int64_t after, std::size_t limit);
  /// What was read of it; waits for it. None: nothing was begun behind this position, it has failed, the line has gone
  /// back, or it was so long ago that an erasure may have come since.
  [[nodiscard]] std::optional<std::vector<EventPtr>> take(std::int64_t after);
  /// Waits for what was begun, and forgets it.
  void drop() { reading_.reset(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Reading {
    std::int64_t after = 0;
    Clock::time_point begun_at;
    std::int64_t falls = 0;                             ///< of the line until then
    std::future<Result<std::vector<EventPtr>>> events;  ///< of std::async: it is waited for when it goes
  };

  EventLog& log_;
  postgres::Session session_;
  std::optional<Reading> reading_;
};

}  // namespace flashsale::events
