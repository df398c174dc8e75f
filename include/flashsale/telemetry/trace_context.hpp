#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The names of traces and spans, as the W3C recommendation Trace Context has them.
namespace flashsale::telemetry {

/// 16 bytes that all spans of one story have in common. All zeros: none.
struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  [[nodiscard]] bool is_set() const { return (high | low) != 0; }
  bool operator==(const TraceId&) const = default;
};

/// 8 bytes that name one span in its trace. 0: none.
using SpanId = std::uint64_t;

/// A span, as others name it.
struct TraceContext {
  TraceId trace_id{};
  SpanId span_id = 0;
  bool is_sampled = false;  ///< whoever names it keeps its spans

  [[nodiscard]] bool is_set() const { return trace_id.is_set(); }
  bool operator==(const TraceContext&) const = default;
};

inline constexpr std::size_t kTraceparentBytes = 55;

/// The field `traceparent`, of version 00 or what a later version may have behind it. Nothing: it is not valid, and to
/// be taken as if it were not there.
[[nodiscard]] std::optional<TraceContext> parse_traceparent(std::string_view text);
/// Of version 00.
[[nodiscard]] std::string format_traceparent(const TraceContext& context);

/// 32 digits of lower case, not all zero. Nothing: it is none.
[[nodiscard]] std::optional<TraceId> parse_trace_id(std::string_view text);
[[nodiscard]] std::string to_string(const TraceId& id);
[[nodiscard]] std::string span_text(SpanId id);

[[nodiscard]] TraceId make_trace_id();
[[nodiscard]] SpanId make_span_id();

}  // namespace flashsale::telemetry
