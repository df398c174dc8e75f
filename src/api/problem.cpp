#include "flashsale/api/problem.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "flashsale/model/check.hpp"
#include "flashsale/model/json_text.hpp"

namespace flashsale::api {
namespace {

using enum ProblemType;

constexpr std::array kProblems = std::to_array<ProblemDescription>({
    {malformed_request, "malformed-request", 400, 0, "The request cannot be understood",
     "Some part of the request breaks the rules of HTTP or of this API: the header fields, the path or query, or a "
     "JSON body with a missing, repeated, unknown or wrongly typed member. The detail names the part. Nothing was "
     "changed. Correct the request before sending it again."},
    {unauthorized, "unauthorized", 401, 0, "Who is asking is not known",
     "The request carries no credentials that are valid here: the bearer token is missing, damaged, expired or not "
     "meant for this service, or the gateway did not name the customer. Get a fresh token and send the request "
     "again; the Idempotency-Key may stay the same."},
    {queue_ticket_required, "queue-ticket-required", 403, 0, "This sale has a waiting room",
     "Checking out of this sale takes a ticket from its waiting room. Join it with a POST to the sale's queue and "
     "send the ticket in the Queue-Ticket header once it is admitted."},
    {not_your_turn, "not-your-turn", 403, 0, "It is not your turn yet",
     "The ticket is genuine, but people in front of it have not been admitted yet, or its admission has run out. "
     "Ask for the ticket's place and come back when its status is admitted."},
    {forbidden, "forbidden", 403, 0, "This is not allowed",
     "The caller is known but may not do this. Sending the request again will not help."},
    {not_found, "not-found", 404, 0, "There is nothing at this path",
     "No resource of this API has this path. Compare it with the description at /openapi.yaml."},
    {unknown_sale, "unknown-sale", 404, 0, "There is no such sale",
     "No sale has this id. GET /v1/sales lists those that exist."},
    {unknown_item, "unknown-item", 404, 0, "The sale has no such item",
     "The sale exists, but offers nothing under this SKU. GET the sale for its items."},
    {unknown_order, "unknown-order", 404, 0, "There is no such order",
     "No order of yours has this id. Orders of other customers are answered the same way. After an answer of "
     "outcome-unknown it means that the order was not taken; the same request with the same Idempotency-Key may be "
     "sent again."},
    {unknown_flag, "unknown-flag", 404, 0, "There is no such feature flag",
     "No feature of this version has this name. GET /admin/v1/flags lists those that can be set."},
    {events_disabled, "events-disabled", 404, 0, "This shop keeps no events",
     "Events are switched off by the setting `events.enabled`, so there is neither a feed nor a list of who is told. "
     "Sending the request again will not help."},
    {unknown_webhook, "unknown-webhook", 404, 0, "There is no such webhook",
     "No endpoint that events are sent to has this id. GET /admin/v1/webhooks lists those that there are."},
    {method_not_allowed, "method-not-allowed", 405, 0, "The resource does not know this method",
     "The path exists, but not with this method. The Allow header lists the methods that it knows."},
    {not_acceptable, "not-acceptable", 406, 0, "No acceptable form of the answer",
     "The resource cannot be given in any of the media types that the Accept header allows. Leave the header out or "
     "accept application/json and application/problem+json."},
    {request_timeout, "request-timeout", 408, 0, "The request took too long to arrive",
     "The connection was open, but the rest of the request did not come in time. Nothing was changed. Send it again "
     "on a new connection."},
    {sold_out, "sold-out", 409, 0, "Sold out",
     "Fewer units are left than the order asks for. Units can come back when somebody cancels or does not pay; the "
     "item's availability tells `held` (some are not paid yet) from `sold_out`. The refusal is not remembered: "
     "the same Idempotency-Key may be used for another attempt."},
    {limit_exceeded, "limit-exceeded", 409, 0, "More than one customer may buy",
     "The detail names the limit. `limit_per_customer`: with this order the customer would hold more units of the "
     "item; "
     "orders that are pending or await payment count, ended ones do not. `max_orders_per_customer`: the customer has "
     "placed as many orders in this sale as one may, and ended ones count. Or the customer's last orders were left "
     "unpaid, and the next one is taken some minutes later."},
    {sale_not_open, "sale-not-open", 409, 0, "The sale is not open",
     "Nothing can be bought now: the sale has not started, is paused, or is over. The member `state` says which, and "
     "`starts_at` when it opens."},
    {too_late, "too-late", 409, 0, "The order can no longer be cancelled",
     "The order has reached a final status that cancelling cannot change, or its sale is over for so long that its "
     "orders are archived. GET the order for its status."},
    {sale_exists, "sale-exists", 409, 0, "A sale with this id exists already",
     "Ids of sales are never used twice. Read the existing sale, or create the new one under another id."},
    {sale_closed, "sale-closed", 409, 0, "The sale is closed for good",
     "A closed sale takes no other state. Create a new sale instead."},
    {sale_ended, "sale-ended", 409, 0, "The sale has ended",
     "The sale's `ends_at` has passed, so it would sell nothing in the state that was asked for. Send a later one in "
     "the "
     "same request. Nothing was changed."},
    {no_rehearsal, "no-rehearsal", 409, 0, "The sale is not a rehearsal",
     "Only a sale that was created with `rehearsal: true` can be reset: its orders are removed for good. Nothing was "
     "changed."},
    {not_enough_stock, "not-enough-stock", 409, 0, "Not enough unsold units",
     "The change would take out more units than are still unsold, and sold units are never taken back. Read the "
     "item's `remaining` and take out at most that many."},
    {events_gone, "events-gone", 410, 0, "These events are not kept any more",
     "The events behind this position are older than `events.retention_s`, and all who were to be told of them have "
     "been. The member `oldest_after` is the least position that can be asked for. What was missed in between has to "
     "be read from the orders themselves, for example from orders.csv."},
    {events_ahead, "events-ahead", 409, 0, "The line of events ends before this position",
     "PostgreSQL was put back to an older state, and positions behind that are given to other events now. The member "
     "`last_position` is where the line ends. Forget what was read of the events that are lost, and go on from a "
     "position before that state's end; whoever restored it knows which one. An event's id can come anew, too."},
    {too_many_webhooks, "too-many-webhooks", 409, 0, "There are as many webhooks as may be",
     "Events are sent to at most 16 endpoints. Delete one that is not needed any more. Nothing was changed."},
    {payload_too_large, "payload-too-large", 413, 0, "The body is too large",
     "The body of an order may have 4 KiB, that of any other request 64 KiB unless the server is configured otherwise. "
     "Nothing was changed."},
    {unsupported_media_type, "unsupported-media-type", 415, 0, "The body's media type is not supported",
     "Bodies of requests are JSON: send `Content-Type: application/json` and no Content-Encoding."},
    {idempotency_key_reused, "idempotency-key-reused", 422, 0, "The Idempotency-Key belongs to another request",
     "This customer has already used the key in this sale, for an order with other lines. That order stands as it "
     "was. Use a new key for a new purchase, and the same key only to repeat the same one."},
    {invalid_quantity, "invalid-quantity", 422, 0, "The quantity is not possible",
     "An order asks for a whole number of units, at least one and, of all its lines together, at most as many as the "
     "sale's max_quantity_per_order."},
    {invalid_definition, "invalid-definition", 422, 0, "The sale would contradict itself",
     "The parts of the definition are well-formed, but do not fit together: a sale that ends before it starts, an "
     "item that is listed twice, or a value outside its range. The detail names the part. Nothing was changed."},
    {not_supported, "not-supported", 422, 0, "Not supported by this version",
     "The request asks for a part of the API that this version of the server does not offer. The detail names it. "
     "Nothing was changed."},
    {rate_limited, "rate-limited", 429, 1, "Too many requests",
     "This customer has sent more requests than the limit in the RateLimit-Policy header allows. Wait for the seconds "
     "in Retry-After before sending the next one; nothing was changed by this one."},
    {headers_too_large, "headers-too-large", 431, 0, "The header fields are too large",
     "The request line and header fields together may have 16 KiB, unless the server is configured otherwise."},
    {internal_error, "internal-error", 500, 0, "The server made a mistake",
     "Something went wrong that should not have. It is logged under the X-Request-Id of the answer. An order that "
     "was being placed may or may not stand: send it again with the same Idempotency-Key to find out."},
    {overloaded, "overloaded", 503, 1, "Too busy at the moment",
     "The server is working on as many requests as it accepts, and has refused this one before touching any stock. "
     "Wait for the seconds in Retry-After and send it again with the same Idempotency-Key."},
    {unavailable, "unavailable", 503, 1, "Not possible at the moment",
     "Something that the answer depends on is out of reach or switched off, or a sale's counters are being rebuilt. No "
     "stock was taken. Wait for the seconds in Retry-After and send the request again with the same Idempotency-Key."},
    {outcome_unknown, "outcome-unknown", 503, 1, "Whether the order was taken is not known yet",
     "The stock counter did not answer in time, so the order may or may not have been taken. Send the same request "
     "with the same Idempotency-Key, or GET the order in the Location header: either finds out, and neither buys "
     "twice."},
});

// describe() indexes by the enumeration.
constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kProblems.size(); ++i) {
    if (static_cast<std::size_t>(kProblems[i].type) != i) return false;
  }
  return true;
}
static_assert(is_in_order());
static_assert(kProblems.size() == static_cast<std::size_t>(outcome_unknown) + 1);

}  // namespace

std::span<const ProblemDescription> problem_descriptions() { return kProblems; }

const ProblemDescription& describe(ProblemType type) {
  const auto index = static_cast<std::size_t>(type);
  FLASHSALE_CHECK(index < kProblems.size());
  return kProblems[index];
}

const ProblemDescription* find_problem(std::string_view name) {
  const auto found = std::ranges::find(kProblems, name, &ProblemDescription::name);
  return found == kProblems.end() ? nullptr : &*found;
}

std::string problem_document(ProblemType type, std::string_view detail, std::string_view members) {
  const ProblemDescription& problem = describe(type);
  std::string document;
  document.reserve(128 + detail.size() + members.size());
  document.append(R"({"type":"/problems/)").append(problem.name).append(R"(","title":)");
  append_json_string(document, problem.title);
  document += R"(,"status":)";
  append_json_number(document, problem.status);
  if (!detail.empty()) {
    document += R"(,"detail":)";
    append_json_string(document, detail);
  }
  if (!members.empty()) document.append(",").append(members);
  document += '}';
  return document;
}

}  // namespace flashsale::api
