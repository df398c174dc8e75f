#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/events/event_log.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::api {

/// Which events somebody wants to hear of; all, as it is made.
struct EventFilter {
  std::uint32_t types = 0;  ///< a bit for each EventType; 0: all
  std::string sale_id;      ///< empty: of all sales and of none

  [[nodiscard]] bool is_all() const { return types == 0 && sale_id.empty(); }
  [[nodiscard]] bool matches(const events::Event& event) const;
  auto operator<=>(const EventFilter&) const = default;
};
/// Of names of types, or beginnings and a `*`, with commas between. Empty: one is not known.
[[nodiscard]] std::optional<std::uint32_t> parse_event_types(std::string_view text);

struct EventQuery {
  std::optional<std::int64_t> after;  ///< empty: the oldest event that is kept is the first
  EventFilter filter;
  std::size_t limit = 100;
  std::size_t bytes_max = std::size_t{4} * 1024 * 1024;
  bool goes_on = false;  ///< from where another page has ended a moment ago
};

struct EventPage {
  std::vector<events::EventPtr> events;
  std::int64_t next_after = 0;  ///< up to here was looked
  bool is_at_end = false;       ///< there was nothing behind it
  bool is_broken = false;       ///< the next event should be there, and is not
  /// Events behind `after` are not kept any more: the least that it could be.
  std::optional<std::int64_t> oldest_after;
  /// The line ends here, before `after`: PostgreSQL was put back to an older state.
  std::optional<std::int64_t> ends_before;

  [[nodiscard]] bool is_readable() const { return !oldest_after && !ends_before && !is_broken; }
};

/// Events behind `query.after` that pass the filter, in order. Looks at 10,000 events at most, however few of them
/// pass. Blocking.
[[nodiscard]] Result<EventPage> read_event_page(events::EventLog& log, postgres::Session& session,
                                                const EventQuery& query);

/// `{"events":[…],"next_after":N}`
[[nodiscard]] std::string event_page_document(const EventPage& page, std::string_view source);
/// One event of a stream.
void append_event_frame(std::string& out, const events::Event& event, std::string_view source);
/// Tells a client how far it has come, and nothing else.
[[nodiscard]] std::string position_frame(std::int64_t position);

}  // namespace flashsale::api
