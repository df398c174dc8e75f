#include "flashsale/telemetry/trace_context.hpp"

#include "flashsale/telemetry/random_word.hpp"

namespace flashsale::telemetry {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::size_t kWordDigits = 16;
constexpr std::uint64_t kSampled = 1;

// 00-0123456789abcdef0123456789abcdef-0123456789abcdef-01
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kSpanAt = 36;
constexpr std::size_t kFlagsAt = 53;

/// Digits of lower case alone: the recommendation allows no others.
std::optional<std::uint64_t> parse_hex(std::string_view digits) {
  std::uint64_t number = 0;
  for (const char c : digits) {
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9') digit = static_cast<std::uint64_t>(c - '0');
    else if (c >= 'a' && c <= 'f') digit = static_cast<std::uint64_t>(c - 'a') + 10;
    else return std::nullopt;
    number = (number << 4) | digit;
  }
  return number;
}

void append_hex(std::string& out, std::uint64_t number) {
  for (int shift = 60; shift >= 0; shift -= 4) out += kHexDigits[(number >> shift) & 0xf];
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  constexpr std::uint64_t kInvalidVersion = 0xff;
  if (text.size() < kTraceparentBytes) return std::nullopt;
  if (text[kTraceAt - 1] != '-' || text[kSpanAt - 1] != '-' || text[kFlagsAt - 1] != '-') return std::nullopt;
  const auto version = parse_hex(text.substr(0, 2));
  const auto flags = parse_hex(text.substr(kFlagsAt, 2));
  if (!version || *version == kInvalidVersion || !flags) return std::nullopt;
  const bool has_more = text.size() > kTraceparentBytes;
  if (has_more && (*version == 0 || text[kTraceparentBytes] != '-')) return std::nullopt;
  const auto trace_id = parse_trace_id(text.substr(kTraceAt, 2 * kWordDigits));
  const auto span_id = parse_hex(text.substr(kSpanAt, kWordDigits));
  if (!trace_id || !span_id || *span_id == 0) return std::nullopt;
  return TraceContext{*trace_id, *span_id, (*flags & kSampled) != 0};
}

std::string format_traceparent(const TraceContext& context) {
  std::string text;
  text.reserve(kTraceparentBytes);
  text += "00-";
  append_hex(text, context.trace_id.high);
  append_hex(text, context.trace_id.low);
  text += '-';
  append_hex(text, context.span_id);
  text += context.is_sampled ? "-01" : "-00";
  return text;
}

std::optional<TraceId> parse_trace_id(std::string_view text) {
  if (text.size() != 2 * kWordDigits) return std::nullopt;
  const auto high = parse_hex(text.substr(0, kWordDigits));
  const auto low = parse_hex(text.substr(kWordDigits));
  if (!high || !low) return std::nullopt;
  const TraceId id{*high, *low};
  return id.is_set() ? std::optional(id) : std::nullopt;
}

std::string to_string(const TraceId& id) {
  std::string text;
  append_hex(text, id.high);
  append_hex(text, id.low);
  return text;
}

std::string span_text(SpanId id) {
  std::string text;
  append_hex(text, id);
  return text;
}

TraceId make_trace_id() {
  TraceId id{random_word(), random_word()};
  id.low |= static_cast<std::uint64_t>(!id.is_set());
  return id;
}

SpanId make_span_id() {
  const auto id = random_word();
  return id == 0 ? 1 : id;
}

}  // namespace flashsale::telemetry
