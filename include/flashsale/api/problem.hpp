#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace flashsale::api {

/// Every error that a client can meet; each has a page at GET /problems/<name>.
enum class ProblemType : std::uint8_t {
  malformed_request,       // 400
  unauthorized,            // 401
  queue_ticket_required,   // 403
  not_your_turn,           // 403
  forbidden,               // 403
  not_found,               // 404: no such path
  unknown_sale,            // 404
  unknown_item,            // 404
  unknown_order,           // 404
  unknown_flag,            // 404
  events_disabled,         // 404
  unknown_webhook,         // 404
  method_not_allowed,      // 405
  not_acceptable,          // 406
  request_timeout,         // 408
  sold_out,                // 409
  limit_exceeded,          // 409
  sale_not_open,           // 409
  too_late,                // 409: the order cannot be cancelled any more
  sale_exists,             // 409
  sale_closed,             // 409: closed for good
  sale_ended,              // 409: its ends_at has passed
  no_rehearsal,            // 409: what cannot be undone was to be reset
  not_enough_stock,        // 409: fewer unsold units than were to be taken out
  events_gone,             // 410: not kept any more
  events_ahead,            // 409: the line of events ends before this position
  too_many_webhooks,       // 409
  payload_too_large,       // 413
  unsupported_media_type,  // 415
  idempotency_key_reused,  // 422
  invalid_quantity,        // 422
  invalid_definition,      // 422: a sale or a change that contradicts itself
  not_supported,           // 422: a part of the API that this version does not serve yet
  rate_limited,            // 429
  headers_too_large,       // 431
  internal_error,          // 500
  overloaded,              // 503
  unavailable,             // 503
  outcome_unknown,         // 503
};

struct ProblemDescription {
  ProblemType type;
  std::string_view name;  ///< as in /problems/<name>
  std::uint16_t status;
  std::uint8_t retry_after_s;    ///< least that `Retry-After` says unless the answer knows better; 0: no such field
  std::string_view title;        ///< one short phrase
  std::string_view explanation;  ///< what it means and what the client should do
};

/// All of them, in the order of the enumeration.
[[nodiscard]] std::span<const ProblemDescription> problem_descriptions();
[[nodiscard]] const ProblemDescription& describe(ProblemType type);
[[nodiscard]] const ProblemDescription* find_problem(std::string_view name);

/// An RFC 9457 problem document. `members` are further JSON members, already encoded, without the braces:
/// `"starts_at":"2026-…"`.
[[nodiscard]] std::string problem_document(ProblemType type, std::string_view detail, std::string_view members = {});

}  // namespace flashsale::api
