#include "event_page.hpp"

#include <algorithm>
#include <utility>

#include "flashsale/model/event_pattern.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/postgres/event_repository.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::api {
namespace {

constexpr std::size_t kLookedMax = 10'000;
constexpr std::size_t kReadAtOnceMax = 1'000;
static_assert(static_cast<unsigned>(EventType::ping) < 32, "types are bits of a filter");

std::uint32_t bit_of(EventType type) { return std::uint32_t{1} << static_cast<unsigned>(type); }

/// Takes what passes, as long as there is room; how many were looked at.
std::size_t take(EventPage& page, std::size_t& bytes, const std::vector<events::EventPtr>& read,
                 const EventQuery& query) {
  std::size_t looked = 0;
  for (const auto& event : read) {
    if (page.events.size() == query.limit || bytes >= query.bytes_max) break;
    ++looked;
    page.next_after = event->position;
    if (!query.filter.matches(*event)) continue;
    page.events.push_back(event);
    bytes += event->data.size() + 2 * event->subject.size();
  }
  return looked;
}

/// Whether there can be such a page: what is gone, or lies beyond all there is, says so.
void look_at_bounds(EventPage& page, const postgres::EventLine& line) {
  if (page.next_after < line.gone_until) page.oldest_after = line.gone_until;
  if (page.next_after > line.last_position) page.ends_before = line.last_position;
  page.is_at_end = page.next_after == line.last_position;
}

/// From where to read.
Result<EventPage> begin_page(postgres::Session& session, const EventQuery& query) {
  const auto line = postgres::find_event_line(session);
  if (!line) return line.error();
  EventPage page;
  page.next_after = query.after.value_or(line->gone_until);
  look_at_bounds(page, *line);
  page.is_at_end = false;  // not yet looked
  return page;
}

/// Nothing was found behind it: whether that is how it should be.
Result<EventPage> end_page(events::EventLog& log, postgres::Session& session, EventPage page) {
  const auto line = postgres::find_event_line(session);
  if (!line) return line.error();
  look_at_bounds(page, *line);
  if (!page.is_readable() || page.is_at_end) return page;
  // It may have been numbered since.
  const auto next = log.read(session, page.next_after, 1);
  if (!next) return next.error();
  page.is_broken = next->empty();
  if (page.is_broken) telemetry::log_error("an event is missing", {{"position", page.next_after + 1}});
  return page;
}

}  // namespace

bool EventFilter::matches(const events::Event& event) const {
  return (types == 0 || (types & bit_of(event.type)) != 0) && (sale_id.empty() || sale_id == event.sale_id);
}

std::optional<std::uint32_t> parse_event_types(std::string_view text) {
  std::uint32_t types = 0;
  for (;;) {
    const auto comma = text.find(',');
    const std::vector<std::string> pattern{std::string(text.substr(0, comma))};
    if (!is_event_pattern(pattern.front())) return std::nullopt;
    for (const auto type : event_types()) {
      if (is_wanted(pattern, type)) types |= bit_of(type);
    }
    if (comma == std::string_view::npos) return types;
    text.remove_prefix(comma + 1);
  }
}

Result<EventPage> read_event_page(events::EventLog& log, postgres::Session& session, const EventQuery& query) {
  Result<EventPage> page = EventPage{};
  if (query.goes_on) page->next_after = query.after.value_or(0);
  else page = begin_page(session, query);
  if (!page || !page->is_readable()) return page;
  std::size_t bytes = 0;
  std::size_t looked = 0;
  while (page->events.size() < query.limit && bytes < query.bytes_max && looked < kLookedMax) {
    const auto wanted = query.filter.is_all() ? query.limit - page->events.size() : kReadAtOnceMax;
    const auto read = log.read(session, page->next_after, std::min(wanted, kReadAtOnceMax));
    if (!read) return read.error();
    if (read->empty()) {
      // Events were numbered meanwhile, perhaps, behind those that were found.
      return page->events.empty() ? end_page(log, session, std::move(*page)) : page;
    }
    looked += take(*page, bytes, *read, query);
    // Whoever has something need not hear from PostgreSQL that there is no more.
    if (!page->events.empty() && page->next_after >= log.last_position()) break;
  }
  return page;
}

std::string event_page_document(const EventPage& page, std::string_view source) {
  std::string body = R"({"events":[)";
  for (const auto& event : page.events) {
    if (body.back() != '[') body += ',';
    events::append_cloud_event(body, *event, source);
  }
  body += ']';
  append_number(body, "next_after", page.next_after);
  return body + '}';
}

void append_event_frame(std::string& out, const events::Event& event, std::string_view source) {
  out.append("id: ").append(std::to_string(event.position));
  out.append("\nevent: ").append(to_string(event.type)).append("\ndata: ");
  const auto begin = out.size();
  events::append_cloud_event(out, event, source);
  // Between the tokens of a payload there may be line ends, within them there are none.
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  out += "\n\n";
}

std::string position_frame(std::int64_t position) { return "id: " + std::to_string(position) + "\n\n"; }

}  // namespace flashsale::api
