#include "payment_endpoints.hpp"

#include <utility>

#include "flashsale/model/json_members.hpp"
#include "flashsale/model/json_text.hpp"
#include "flashsale/payments/settlement.hpp"
#include "flashsale/telemetry/log.hpp"
#include "json_body.hpp"
#include "operation.hpp"

namespace flashsale::api {
namespace {

Answer settled_answer(const postgres::PaymentResult& result, const OrderId& order_id) {
  Answer answer;
  auto& body = answer.body;
  body = "{";
  const auto add = [&body](std::string_view name, std::string_view text) {
    append_member(body, name);
    append_json_string(body, text);
  };
  add("order_id", (result.sale_id.empty() ? order_id : result.row.id).to_string());
  add("outcome", to_string(result.outcome));
  if (!result.sale_id.empty()) add("order_status", to_string(result.row.status));
  append_member(body, "repeated");
  body += result.repeated ? "true}" : "false}";
  return answer;
}

}  // namespace

void PaymentEndpoints::add_routes(Routes& routes) {
  routes.push_back({Method::post, "/v1/webhooks/payments", [this](Exchange& exchange) { receive(exchange); }});
}

/// By Redis's clock where it is known: this machine's may be wrong (PROTOCOL R15).
bool PaymentEndpoints::is_signed(Exchange& exchange) const {
  const auto& clock = thread_.catalog.snapshot()->clock;
  const auto now = clock.reading == TimePoint{}
                       ? std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now())
                       : clock.latest(std::chrono::steady_clock::now());
  const auto& request = exchange.request();
  using Verdict = identity::WebhookVerifier::Verdict;
  switch (thread_.webhooks.verify(request.header(Header::webhook_id), request.header(Header::webhook_timestamp),
                                  request.header(Header::webhook_signature), request.body, now)) {
    case Verdict::good: return true;
    case Verdict::malformed:
      reply_problem(exchange, ProblemType::unauthorized,
                    "webhook-id, webhook-timestamp and webhook-signature are required, as in Standard Webhooks 1.0");
      return false;
    case Verdict::out_of_time:
      reply_problem(exchange, ProblemType::unauthorized, "the message was signed too long ago, or in the future");
      return false;
    case Verdict::bad_signature: break;
  }
  reply_problem(exchange, ProblemType::unauthorized, "the signature is not one of the provider's");
  return false;
}

void PaymentEndpoints::receive(Exchange& exchange) {
  if (!is_signed(exchange)) return;
  if (!thread_.catalog.snapshot()->flags->is_on(Feature::webhooks, {}, {})) {
    return reply_switched_off(exchange, "payments are not taken at the moment: tell again");
  }
  read_body<PaymentNotice>(exchange, process_.payments, parse_payment_notice,
                           [this](Exchange& read, PaymentNotice notice) { settle(read, std::move(notice)); });
}

void PaymentEndpoints::settle(Exchange& exchange, PaymentNotice notice) {
  if (notice.foreign) return note(exchange, std::move(*notice.foreign));
  if (!notice.event) return exchange.reply({200, "application/json", "{\"outcome\":\"ignored\"}", {}});
  notice.event->webhook_id = exchange.request().header(Header::webhook_id);
  notice.event->card_hash = process_.origins.of_card(notice.card_fingerprint);
  const auto order_id = notice.event->order_id;
  auto done = [this, order_id, kept = exchange.shared_from_this()](const Result<postgres::PaymentResult>& result) {
    if (!result) return reply_later(kept, Answer::failure(result.error()));
    if (!result->repeated) process_.metrics.payments(to_string(result->outcome)).Increment();
    reply_later(kept, settled_answer(*result, order_id));
  };
  if (!process_.payment_intake.submit({*std::move(notice.event), cause_of(exchange)}, std::move(done)))
    reply_pool_full(exchange);
}

/// The provider tells all systems of a shop of all payments: to refuse those of others would only make it tell again.
void PaymentEndpoints::note(Exchange& exchange, ForeignPayment payment) {
  payment.webhook_id = exchange.request().header(Header::webhook_id);
  run_operation(exchange, process_.payments, [this, payment = std::move(payment)](workers::Stores& stores) {
    const auto is_new = postgres::note_foreign_payment(stores.session(), payment);
    if (!is_new) return Answer::failure(is_new.error());
    if (*is_new) {
      process_.metrics.payments(to_string(PaymentOutcome::not_ours)).Increment();
      telemetry::log_info("a payment is for no order of this system",
                          {{"webhook", payment.webhook_id}, {"order", payment.order_id}});
    }
    Answer answer;
    answer.body = *is_new ? R"({"outcome":"not_ours","repeated":false})" : R"({"outcome":"not_ours","repeated":true})";
    return answer;
  });
}

}  // namespace flashsale::api
