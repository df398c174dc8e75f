#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "flashsale/postgres/webhook_repository.hpp"
#include "json_body.hpp"

namespace flashsale::api {

/// `{"url":…,"types":[…]?,"paused":bool?}`. Where the URL may lead is looked at later.
[[nodiscard]] ParsedBody<postgres::NewWebhook> parse_new_webhook(std::string_view body);

/// The same members and `enabled`, all of them optional; at least one. `types: []` is all types.
[[nodiscard]] ParsedBody<postgres::WebhookChange> parse_webhook_change(std::string_view body);

/// `{"overlap_s":0..604800?}`, 86400 if it is left out; or nothing at all.
[[nodiscard]] ParsedBody<std::chrono::seconds> parse_secret_rotation(std::string_view body);

}  // namespace flashsale::api
