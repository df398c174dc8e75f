#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/events/webhook_client.hpp"
#include "flashsale/postgres/webhook_deliveries.hpp"
#include "flashsale/postgres/webhook_repository.hpp"

// Webhooks as the admin API shows them.
namespace flashsale::api {

/// `secret`: it is shown this once; empty: it is not.
[[nodiscard]] std::string webhook_document(const postgres::Webhook& webhook, std::string_view secret = {});
[[nodiscard]] std::string webhook_list_document(const std::vector<postgres::Webhook>& webhooks);
[[nodiscard]] std::string delivery_list_document(const std::vector<postgres::WebhookDelivery>& deliveries);
/// What came of a test.
[[nodiscard]] std::string test_document(std::string_view event_id, const events::WebhookClient::Answer& answer);

}  // namespace flashsale::api
