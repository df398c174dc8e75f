#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/model/order_id.hpp"
#include "flashsale/telemetry/trace_context.hpp"

// What is noted of requests and orders while they are under way. Nearly all of it is thrown away, so it is moments that
// somebody has read from the clock anyway, and names: spans are made of them when a request turns out to be kept.
namespace flashsale::telemetry {

using TraceTime = std::chrono::steady_clock::time_point;

/// One call that has worked for many orders. It belongs to none of their traces and has one of its own; the spans of
/// the orders and its own are linked.
struct BatchTrace {
  enum class Kind : std::uint8_t {
    reservation,  ///< a call of the script in Redis
    writing,      ///< a transaction in PostgreSQL
  };

  Kind kind = Kind::reservation;
  TraceContext context{make_trace_id(), make_span_id(), true};
  std::size_t orders = 0;
  TraceTime began{};
  TraceTime ended{};
  bool has_failed = false;
  mutable bool is_told = false;  ///< the exporter's: its span has been sent
};

/// What has happened to an order, as far as it has come.
struct OrderTrace {
  OrderId id{};
  TraceTime placed_at{};   ///< it has its permit, and waits for Redis
  TraceTime decided_at{};  ///< Redis has answered
  TraceTime final_at{};    ///< it is known that it was committed; never, if it was not
  std::shared_ptr<const BatchTrace> reservation{};
  std::shared_ptr<const BatchTrace> writing{};
  std::string_view outcome{};  ///< as it was answered; lives as long as the process
  bool is_told = false;        ///< the trace of its request is kept, and so what happens to it after its 202
};

/// Why a request's spans are kept.
enum class KeptFor : std::uint8_t {
  nothing,
  chance,   ///< one in many
  flag,     ///< who asked has kept its own spans, and said so
  slow,     ///< it took long
  failure,  ///< it was answered 5xx
};
inline constexpr std::size_t kKeptForCount = 5;
[[nodiscard]] std::string_view to_string(KeptFor reason);

/// One request, from its first byte to its answer.
struct RequestTrace {
  TraceContext context{};   ///< of its span; sampled: it is kept, whatever becomes of it
  SpanId parent = 0;        ///< the caller's; 0: none
  bool has_caller = false;  ///< who asked has sent a traceparent
  KeptFor kept_for = KeptFor::nothing;
  bool has_ended = false;
  TraceTime parsed_at{};
  TraceTime::duration waited{};  ///< because its client wished to: that makes no request slow
  OrderTrace order{};
};

/// What goes to the exporter: a request with its order, or what has happened to an order after its answer.
struct KeptTrace {
  RequestTrace trace;
  bool is_late = false;  ///< the order alone, from its answer on
  std::string method{};
  std::string route{};
  std::string path{};
  std::string request_id{};
  unsigned status = 0;
  TraceTime began{};
  TraceTime ended{};
};

}  // namespace flashsale::telemetry
