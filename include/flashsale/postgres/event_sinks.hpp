#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/result.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// Somebody who is told of events, and how far.
struct EventSink {
  std::string name;
  std::string kind;           ///< rabbitmq, kafka or webhook
  std::int64_t position = 0;  ///< all up to here are delivered
  bool is_active = true;      ///< it is set up, so events wait for it
  std::string last_error;     ///< empty: the last delivery went well
  std::optional<TimePoint> failing_since;
  bool is_moved = false;  ///< by hand, and nothing was delivered since: a position that the sink keeps does not count
};

[[nodiscard]] Result<std::vector<EventSink>> list_event_sinks(Session& session);
/// Of an active one: how many events wait for it, and for how long the oldest of them has.
struct SinkLag {
  std::string name;
  std::int64_t events = 0;
  double oldest_age_s = 0;
};
[[nodiscard]] Result<std::vector<SinkLag>> list_sink_lags(Session& session);
/// The position up to which every active sink has been told; the last there is if there are none.
[[nodiscard]] Result<std::int64_t> told_to_all(Session& session);

/// Where it stands; -1: there is none of this name.
[[nodiscard]] Result<std::int64_t> find_sink_position(Session& session, const std::string& name);
/// Makes it known and active, at the end of the line if it is new; what stands there.
[[nodiscard]] Result<EventSink> register_event_sink(Session& session, const std::string& name, const std::string& kind);
/// All of these kinds that are not named are not active any more.
[[nodiscard]] Error retire_event_sinks(Session& session, const std::vector<std::string>& kinds,
                                       const std::vector<std::string>& names);
/// From `from` on it has been told up to `to`. False: it stands elsewhere, somebody has moved it or delivers, too.
[[nodiscard]] Result<bool> advance_event_sink(Session& session, const std::string& name, std::int64_t from,
                                              std::int64_t to);
/// An empty text: it works again.
[[nodiscard]] Error note_sink_error(Session& session, const std::string& name, const std::string& error);
/// Sets it back or forth, whatever position the sink itself keeps. False: there is none of this name.
[[nodiscard]] Result<bool> move_event_sink(Session& session, const std::string& name, std::int64_t position);
/// With what it has parked. False: there is none of this name.
[[nodiscard]] Result<bool> forget_event_sink(Session& session, const std::string& name);

}  // namespace flashsale::postgres
