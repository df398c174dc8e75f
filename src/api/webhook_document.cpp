#include "webhook_document.hpp"

#include <optional>

#include "flashsale/model/event_type.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/model/json_text.hpp"

namespace flashsale::api {
namespace {

void append_bool(std::string& out, std::string_view name, bool value) {
  append_member(out, name);
  out += value ? "true" : "false";
}

void append_time_or_null(std::string& out, std::string_view name, const std::optional<TimePoint>& value) {
  if (value) return append_time(out, name, *value);
  append_member(out, name);
  out += "null";
}

void append_text_or_null(std::string& out, std::string_view name, std::string_view value) {
  if (!value.empty()) return append_text(out, name, value);
  append_member(out, name);
  out += "null";
}

/// 0: there was no answer.
void append_status(std::string& out, int status) {
  if (status != 0) return append_number(out, "status", status);
  append_member(out, "status");
  out += "null";
}

template <class Item, class Append>
std::string list(std::string_view name, const std::vector<Item>& items, const Append& append) {
  std::string body = "{";
  append_member(body, name);
  body += '[';
  for (const auto& item : items) {
    if (body.back() != '[') body += ',';
    append(body, item);
  }
  return body + "]}";
}

void append_delivery(std::string& out, const postgres::WebhookDelivery& delivery) {
  out += '{';
  append_time(out, "at", delivery.at);
  append_text(out, "event_id", delivery.event_id);
  append_text(out, "type", to_string(delivery.type));
  append_number(out, "attempt", delivery.attempt);
  append_status(out, delivery.status);
  append_text_or_null(out, "error", delivery.error);
  append_number(out, "time_ms", delivery.time_ms);
  out += '}';
}

}  // namespace

std::string webhook_document(const postgres::Webhook& webhook, std::string_view secret) {
  std::string out = "{";
  append_text(out, "id", webhook.id);
  append_text(out, "url", webhook.url);
  append_member(out, "types");
  out += '[';
  for (const auto& type : webhook.types) {
    if (out.back() != '[') out += ',';
    append_json_string(out, type);
  }
  out += ']';
  append_bool(out, "paused", webhook.is_paused);
  append_bool(out, "enabled", !webhook.disabled_at);
  append_time_or_null(out, "disabled_at", webhook.disabled_at);
  append_text_or_null(out, "disabled_reason", webhook.disabled_reason);
  append_time_or_null(out, "failing_since", webhook.failing_since);
  append_number(out, "parked", webhook.parked);
  append_time_or_null(out, "previous_secret_until", webhook.previous_secret_until);
  append_time(out, "created_at", webhook.created_at);
  if (!secret.empty()) append_text(out, "secret", secret);
  return out + "}";
}

std::string webhook_list_document(const std::vector<postgres::Webhook>& webhooks) {
  return list("webhooks", webhooks, [](std::string& out, const auto& webhook) { out += webhook_document(webhook); });
}

std::string delivery_list_document(const std::vector<postgres::WebhookDelivery>& deliveries) {
  return list("deliveries", deliveries, append_delivery);
}

std::string test_document(std::string_view event_id, const events::WebhookClient::Answer& answer) {
  std::string out = "{";
  append_text(out, "event_id", event_id);
  append_bool(out, "delivered", answer.is_taken());
  append_status(out, answer.status);
  append_text_or_null(out, "error", answer.error);
  append_number(out, "time_ms", answer.time.count());
  return out + "}";
}

}  // namespace flashsale::api
