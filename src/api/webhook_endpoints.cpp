#include "webhook_endpoints.hpp"

#include <cstdio>
#include <random>
#include <utility>

#include "caller.hpp"
#include "flashsale/events/webhook_client.hpp"
#include "flashsale/events/webhook_message.hpp"
#include "flashsale/events/webhook_url.hpp"
#include "flashsale/identity/webhook_signature.hpp"
#include "json_body.hpp"
#include "operation.hpp"
#include "webhook_document.hpp"
#include "webhook_request.hpp"

namespace flashsale::api {
namespace {

constexpr std::string_view kPath = "/admin/v1/webhooks";

std::string new_id() {
  std::random_device random;
  char text[24];
  std::snprintf(text, sizeof text, "wh_%08x%08x", static_cast<unsigned>(random()), static_cast<unsigned>(random()));
  return text;
}

std::string id_of(Exchange& exchange) { return std::string(exchange.request().path_parameters[0]); }

Answer unknown() { return Answer::problem(ProblemType::unknown_webhook, "there is no webhook of this id"); }

/// Of one that is there, or the reason why it is not shown.
Answer answer_of(const Result<std::optional<postgres::Webhook>>& webhook, std::string_view secret = {}) {
  if (!webhook) return Answer::not_changed(webhook.error());
  if (!*webhook) return unknown();
  Answer answer;
  answer.body = webhook_document(**webhook, secret);
  return answer;
}

Answer created_answer(const Result<std::optional<postgres::Webhook>>& created, std::string_view secret) {
  if (created && !*created) {
    return Answer::problem(ProblemType::too_many_webhooks, "delete one that is not needed any more");
  }
  auto answer = answer_of(created, secret);
  if (answer.status != 200) return answer;
  answer.status = 201;
  append_header(answer.headers, "Location", std::string(kPath) + "/" + (*created)->id);
  return answer;
}

/// Whatever it answers is told, not judged.
Answer try_endpoint(workers::Stores& stores, const std::string& id, const events::WebhookOptions& options) {
  const auto target = postgres::find_webhook_target(stores.session(), id);
  if (!target) return Answer::failure(target.error());
  if (!*target) return unknown();
  const auto now = std::chrono::time_point_cast<TimePoint::duration>(std::chrono::system_clock::now());
  const auto ping = events::make_ping(id, now);
  events::WebhookClient client(options);
  Answer answer;
  answer.body = test_document(ping.id, client.post(events::make_message(**target, ping, options.source, now)));
  return answer;
}

}  // namespace

void WebhookEndpoints::add_routes(Routes& routes) {
  const auto read = [this](void (WebhookEndpoints::*handler)(Exchange&)) {
    return [this, handler](Exchange& exchange) {
      if (identify_admin(exchange, process_, identity::AdminRole::read)) (this->*handler)(exchange);
    };
  };
  const auto write = [this](void (WebhookEndpoints::*handler)(Exchange&, std::string_view)) {
    return [this, handler](Exchange& exchange) {
      const auto who = identify_admin(exchange, process_, identity::AdminRole::operator_);
      if (who) (this->*handler)(exchange, *who);
    };
  };
  routes.push_back({Method::get, kPath, read(&WebhookEndpoints::list)});
  routes.push_back({Method::post, kPath, write(&WebhookEndpoints::create)});
  routes.push_back({Method::get, "/admin/v1/webhooks/{webhook_id}", read(&WebhookEndpoints::show)});
  routes.push_back({Method::patch, "/admin/v1/webhooks/{webhook_id}", write(&WebhookEndpoints::change)});
  routes.push_back({Method::delete_, "/admin/v1/webhooks/{webhook_id}", write(&WebhookEndpoints::remove)});
  routes.push_back(
      {Method::get, "/admin/v1/webhooks/{webhook_id}/deliveries", read(&WebhookEndpoints::list_deliveries)});
  routes.push_back({Method::post, "/admin/v1/webhooks/{webhook_id}/test", [this](Exchange& exchange) {
                      if (identify_admin(exchange, process_, identity::AdminRole::operator_)) test(exchange);
                    }});
  routes.push_back({Method::post, "/admin/v1/webhooks/{webhook_id}/secret", write(&WebhookEndpoints::rotate_secret)});
}

void WebhookEndpoints::list(Exchange& exchange) {
  run_operation(exchange, process_, [](workers::Stores& stores) {
    const auto webhooks = postgres::list_webhooks(stores.session());
    if (!webhooks) return Answer::failure(webhooks.error());
    Answer answer;
    answer.body = webhook_list_document(*webhooks);
    return answer;
  });
}

void WebhookEndpoints::show(Exchange& exchange) {
  run_operation(exchange, process_, [id = id_of(exchange)](workers::Stores& stores) {
    const auto webhook = postgres::find_webhook(stores.session(), id);
    return webhook ? answer_of(webhook) : Answer::failure(webhook.error());
  });
}

void WebhookEndpoints::list_deliveries(Exchange& exchange) {
  run_operation(exchange, process_, [id = id_of(exchange)](workers::Stores& stores) {
    const auto webhook = postgres::find_webhook(stores.session(), id);
    if (!webhook) return Answer::failure(webhook.error());
    if (!*webhook) return unknown();
    const auto deliveries = postgres::list_deliveries(stores.session(), id);
    if (!deliveries) return Answer::failure(deliveries.error());
    Answer answer;
    answer.body = delivery_list_document(*deliveries);
    return answer;
  });
}

/// Answers 400 itself and gives false when it may not.
bool WebhookEndpoints::may_be_sent_to(Exchange& exchange, const std::string& url) const {
  const auto fault = events::fault_of_webhook_url(url, process_.webhooks);
  if (fault.empty()) return true;
  reply_problem(exchange, ProblemType::malformed_request, fault);
  return false;
}

void WebhookEndpoints::create(Exchange& exchange, std::string_view who) {
  if (!has_json_body(exchange)) return;
  read_body<ParsedBody<postgres::NewWebhook>>(
      exchange, process_.operations, parse_new_webhook,
      [this, who = std::string(who)](Exchange& read, ParsedBody<postgres::NewWebhook> parsed) {
        create_read(read, std::move(parsed.value), who);
      });
}

void WebhookEndpoints::create_read(Exchange& exchange, postgres::NewWebhook webhook, const std::string& who) {
  if (!may_be_sent_to(exchange, webhook.url)) return;
  webhook.id = new_id();
  webhook.secret = identity::make_webhook_secret();
  run_operation(exchange, process_, [webhook = std::move(webhook), who](workers::Stores& stores) {
    return created_answer(postgres::create_webhook(stores.session(), webhook, who), webhook.secret);
  });
}

void WebhookEndpoints::change(Exchange& exchange, std::string_view who) {
  if (!has_json_body(exchange)) return;
  read_body<ParsedBody<postgres::WebhookChange>>(
      exchange, process_.operations, parse_webhook_change,
      [this, who = std::string(who)](Exchange& read, ParsedBody<postgres::WebhookChange> parsed) {
        if (parsed.value.url && !may_be_sent_to(read, *parsed.value.url)) return;
        run_operation(read, process_,
                      [id = id_of(read), change = std::move(parsed.value), who](workers::Stores& stores) {
                        return answer_of(postgres::change_webhook(stores.session(), id, change, who));
                      });
      });
}

void WebhookEndpoints::remove(Exchange& exchange, std::string_view who) {
  if (!has_empty_body(exchange)) return;
  run_operation(exchange, process_, [id = id_of(exchange), who = std::string(who)](workers::Stores& stores) {
    const auto deleted = postgres::delete_webhook(stores.session(), id, who);
    if (!deleted) return Answer::not_changed(deleted.error());
    if (!*deleted) return unknown();
    return Answer{.status = 204, .body = {}, .headers = {}, .content_type = {}};
  });
}

void WebhookEndpoints::test(Exchange& exchange) {
  if (!has_empty_body(exchange)) return;
  run_operation(exchange, process_.endpoints,
                [id = id_of(exchange), &options = process_.webhooks](workers::Stores& stores) {
                  return try_endpoint(stores, id, options);
                });
}

void WebhookEndpoints::rotate_secret(Exchange& exchange, std::string_view who) {
  if (!exchange.request().body.empty() && !has_json_body(exchange)) return;
  read_body<ParsedBody<std::chrono::seconds>>(
      exchange, process_.operations, parse_secret_rotation,
      [this, who = std::string(who)](Exchange& read, const ParsedBody<std::chrono::seconds>& parsed) {
        run_operation(read, process_, [id = id_of(read), overlap = parsed.value, who](workers::Stores& stores) {
          const auto secret = identity::make_webhook_secret();
          const auto rotated = postgres::rotate_webhook_secret(stores.session(), id, secret, overlap, who);
          return answer_of(rotated, secret);
        });
      });
}

}  // namespace flashsale::api
