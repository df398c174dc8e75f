#include "read_ahead.hpp"

#include <utility>

namespace flashsale::events {
namespace {

/// As long as events stay in memory elsewhere (EventLog).
constexpr std::chrono::seconds kKept{3};

}  // namespace

ReadAhead::ReadAhead(const postgres::Options& postgres, std::string session_name, EventLog& log)
    : log_(log), session_(postgres, std::move(session_name)) {}

void ReadAhead::begin(std::int64_t after, std::size_t limit) {
  drop();
  reading_ =
      Reading{.after = after, .begun_at = Clock::now(), .events = std::async(std::launch::async, [this, after, limit] {
                                                          return log_.read(session_, after, limit);
                                                        })};
}

std::optional<std::vector<EventPtr>> ReadAhead::take(std::int64_t after) {
  auto reading = std::exchange(reading_, std::nullopt);
  if (!reading || reading->after != after) return std::nullopt;
  auto events = reading->events.get();
  if (!events || events->empty() || Clock::now() - reading->begun_at > kKept) return std::nullopt;
  return std::move(*events);
}

}  // namespace flashsale::events
