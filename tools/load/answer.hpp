#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "flashsale/model/order.hpp"
#include "flashsale/model/payment.hpp"
#include "response_parser.hpp"

namespace flashsale::load {

/// Why a request is sent.
enum class Kind : std::uint8_t {
  fresh,      ///< a buyer's first attempt with a key
  retry,      ///< the same key again, after an answer to it
  duplicate,  ///< the same key again, while the first is under way
  greedy,     ///< one of a buyer's burst of orders, each with a key of its own
  reader,     ///< the catalog
  cancel,
  pay,      ///< a message of the payment provider
  resolve,  ///< after the run: the same key again, since its outcome is unknown
  poll,     ///< after the run: how an accepted order stands
};
inline constexpr std::size_t kKinds = 9;
[[nodiscard]] std::string_view to_string(Kind kind);
[[nodiscard]] constexpr bool is_checkout(Kind kind) { return kind <= Kind::greedy || kind == Kind::resolve; }
/// Sent while the load lasts, as opposed to after it to find out what became of orders.
[[nodiscard]] constexpr bool is_load(Kind kind) { return kind <= Kind::pay; }

/// How a request ended.
enum class Outcome : std::uint8_t {
  created,          ///< 201: committed
  accepted,         ///< 202: taken, not yet committed
  replayed,         ///< 200: this key's order as it stands
  done,             ///< 200 or 304 to anything but a checkout
  refused,          ///< 4xx, by reason
  overloaded,       ///< 503 overloaded
  unavailable,      ///< 503 unavailable
  outcome_unknown,  ///< 503 outcome-unknown
  server_error,     ///< other 5xx, a proxy's among them
  timed_out,
  connection_lost,
  connect_failed,  ///< the request was not sent
  protocol_error,  ///< no HTTP, or an answer that the interface does not have
  not_sent,        ///< the bounded queue for a free connection was full, or the run ended first
};
inline constexpr std::size_t kOutcomes = 14;
[[nodiscard]] std::string_view to_string(Outcome outcome);
[[nodiscard]] constexpr bool holds_order(Outcome outcome) { return outcome <= Outcome::replayed; }
/// Whether a checkout with this outcome may have placed an order without saying so.
[[nodiscard]] constexpr bool is_unknown(Outcome outcome) {
  return outcome == Outcome::outcome_unknown || outcome == Outcome::server_error || outcome == Outcome::timed_out ||
         outcome == Outcome::connection_lost || outcome == Outcome::protocol_error;
}

inline constexpr std::size_t kPaymentOutcomes = 6;

/// Last part of a problem document's `type`, as an index into kReasons; 0 is any that is not listed.
using Reason = std::uint8_t;
inline constexpr std::array<std::string_view, 23> kReasons{"other",
                                                           "sold-out",
                                                           "limit-exceeded",
                                                           "sale-not-open",
                                                           "rate-limited",
                                                           "not-your-turn",
                                                           "queue-ticket-required",
                                                           "idempotency-key-reused",
                                                           "unauthorized",
                                                           "malformed-request",
                                                           "unknown-sale",
                                                           "unknown-item",
                                                           "unknown-order",
                                                           "invalid-quantity",
                                                           "too-late",
                                                           "payload-too-large",
                                                           "headers-too-large",
                                                           "unsupported-media-type",
                                                           "request-timeout",
                                                           "sale-closed",
                                                           "forbidden",
                                                           "not-found",
                                                           "method-not-allowed"};
[[nodiscard]] Reason reason_of(std::string_view name);

/// What an answer says, as far as counting and checking need it.
struct Answer {
  Outcome outcome = Outcome::protocol_error;
  Reason reason = 0;  ///< of a refusal
  unsigned status = 0;
  std::optional<OrderId> order_id;  ///< in an order's document
  std::optional<OrderStatus> order_status;
  std::optional<PaymentOutcome> payment_outcome;
  bool is_repeated = false;  ///< the payment's message was known already
};

[[nodiscard]] Answer read_answer(Kind kind, const Response& response);
/// An end without an answer.
[[nodiscard]] inline Answer no_answer(Outcome outcome) {
  return {.outcome = outcome, .order_id = {}, .order_status = {}, .payment_outcome = {}};
}

}  // namespace flashsale::load
