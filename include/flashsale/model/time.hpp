#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flashsale {

/// A moment in UTC with microseconds, the resolution that Redis TIME and PostgreSQL timestamptz share.
using TimePoint = std::chrono::sys_time<std::chrono::microseconds>;

[[nodiscard]] inline TimePoint from_unix_us(std::int64_t us) { return TimePoint{std::chrono::microseconds{us}}; }
[[nodiscard]] inline std::int64_t to_unix_us(TimePoint t) { return t.time_since_epoch().count(); }

/// RFC 3339 in UTC with six fractional digits: 2026-01-02T03:04:05.000006Z. Exact for years 0000..9999.
[[nodiscard]] std::string format_rfc3339(TimePoint t);

/// Appends the same to `out` without another allocation than `out`'s own growth.
void append_rfc3339(std::string& out, TimePoint t);

/// Parses RFC 3339 with any offset and up to nine fractional digits (cut to microseconds).
/// Empty when the text is not a valid moment; a leap second (:60) is refused.
[[nodiscard]] std::optional<TimePoint> parse_rfc3339(std::string_view text);

}  // namespace flashsale
