#include "flashsale/events/webhook_message.hpp"

#include <cstdio>
#include <random>

#include "flashsale/identity/webhook_signature.hpp"
#include "flashsale/model/json_members.hpp"

namespace flashsale::events {
namespace {

/// A payment's id, which is in that of its refund, is whatever a provider has sent.
std::string header_id(std::string_view id) {
  std::string text;
  for (const char c : id) {
    if (c > ' ' && c <= '~') {
      text += c;
      continue;
    }
    char encoded[4];
    std::snprintf(encoded, sizeof encoded, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    text += encoded;
  }
  return text;
}

}  // namespace

WebhookMessage make_message(const postgres::WebhookTarget& target, const Event& event, std::string_view source,
                            TimePoint now) {
  WebhookMessage message;
  message.url = target.url;
  append_cloud_event(message.body, event, source);
  const auto id = header_id(event.id);
  const auto timestamp =
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  const auto content = identity::webhook_content(id, timestamp, message.body);
  std::string signatures;
  for (const auto& secret : target.secrets) {
    const auto key = identity::parse_webhook_secret(secret);
    if (!key) continue;
    signatures.append(signatures.empty() ? "v1," : " v1,").append(identity::webhook_signature(*key, content));
  }
  message.headers = {"Content-Type: application/cloudevents+json; charset=utf-8", "webhook-id: " + id,
                     "webhook-timestamp: " + timestamp, "webhook-signature: " + signatures};
  if (!event.traceparent.empty()) message.headers.push_back("traceparent: " + event.traceparent);
  return message;
}

Event make_ping(const std::string& webhook_id, TimePoint now) {
  std::random_device random;
  char number[24];
  std::snprintf(number, sizeof number, "%08x%08x", static_cast<unsigned>(random()), static_cast<unsigned>(random()));
  Event event;
  event.type = EventType::ping;
  event.id = webhook_id + "/ping-" + number;
  event.subject = event.partition_key = webhook_id;
  event.time = format_rfc3339(now);
  std::string data = "{";
  append_text(data, "webhook_id", webhook_id);
  event.data = data + '}';
  return event;
}

}  // namespace flashsale::events
