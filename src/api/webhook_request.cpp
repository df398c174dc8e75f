#include "webhook_request.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "flashsale/model/event_pattern.hpp"

namespace flashsale::api {
namespace {

constexpr std::size_t kTypesMax = 32;
constexpr std::int64_t kOverlapDefaultS = 86'400;
constexpr std::int64_t kOverlapMaxS = 604'800;

bool is_pattern(const nlohmann::json& value) {
  return value.is_string() && is_event_pattern(value.get_ref<const std::string&>());
}

std::vector<std::string> read_types(const nlohmann::json& value, Fault& fault) {
  if (!value.is_array() || value.size() > kTypesMax || !std::ranges::all_of(value, is_pattern)) {
    fault.malformed("types must be an array of at most " + std::to_string(kTypesMax) +
                    " types of events, or beginnings of some and a *: flashsale.order.*");
    return {};
  }
  return value.get<std::vector<std::string>>();
}

}  // namespace

ParsedBody<postgres::NewWebhook> parse_new_webhook(std::string_view body) {
  Fault fault;
  const auto json = parse_body(body, fault);
  ObjectReader reader(json, "the body", fault);
  postgres::NewWebhook webhook;
  webhook.url = reader.text("url");
  if (reader.has("types")) webhook.types = read_types(reader.member("types"), fault);
  if (reader.has("paused")) webhook.is_paused = reader.boolean("paused");
  reader.refuse_unknown();
  return finish(std::move(webhook), std::move(fault));
}

ParsedBody<postgres::WebhookChange> parse_webhook_change(std::string_view body) {
  Fault fault;
  const auto json = parse_body(body, fault);
  ObjectReader reader(json, "the body", fault);
  postgres::WebhookChange change;
  if (reader.has("url")) change.url = reader.text("url");
  if (reader.has("types")) change.types = read_types(reader.member("types"), fault);
  if (reader.has("paused")) change.is_paused = reader.boolean("paused");
  if (reader.has("enabled")) change.is_enabled = reader.boolean("enabled");
  reader.refuse_unknown();
  if (!change.url && !change.types && !change.is_paused && !change.is_enabled) {
    fault.malformed("the body must have a member that is to be changed: url, types, paused or enabled");
  }
  return finish(std::move(change), std::move(fault));
}

ParsedBody<std::chrono::seconds> parse_secret_rotation(std::string_view body) {
  Fault fault;
  auto overlap_s = kOverlapDefaultS;
  if (!body.empty()) {
    const auto json = parse_body(body, fault);
    ObjectReader reader(json, "the body", fault);
    if (reader.has("overlap_s")) overlap_s = reader.integer("overlap_s", 0, kOverlapMaxS);
    reader.refuse_unknown();
  }
  return finish(std::chrono::seconds(overlap_s), std::move(fault));
}

}  // namespace flashsale::api
