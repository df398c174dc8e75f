#include "read_ahead.hpp"

#include <system_error>
#include <utility>

namespace flashsale::events {
namespace {

/// What takes longer to be delivered is read again.
constexpr std::chrono::seconds kKept{1};

}  // namespace

ReadAhead::ReadAhead(const postgres::Options& postgres, std::string session_name, EventLog& log)
    : log_(log), session_(postgres, std::move(session_name)) {}

void ReadAhead::begin(std::int64_t after, std::size_t limit) {
  drop();
  const auto falls = log_.falls();
  try {
    auto events = std::async(std::launch::async, [this, after, limit] { return log_.read(session_, after, limit); });
    reading_ = Reading{.after = after, .begun_at = Clock::now(), .falls = falls, .events = std::move(events)};
  } catch (const std::system_error&) {
    // As many processes as there may be: whoever asks reads for himself.
  }
}

std::optional<std::vector<EventPtr>> ReadAhead::take(std::int64_t after) {
  auto reading = std::exchange(reading_, std::nullopt);
  if (!reading || reading->after != after) return std::nullopt;
  auto events = reading->events.get();
  if (!events || events->empty()) return std::nullopt;
  if (Clock::now() - reading->begun_at > kKept || log_.falls() != reading->falls) return std::nullopt;
  return std::move(*events);
}

}  // namespace flashsale::events
