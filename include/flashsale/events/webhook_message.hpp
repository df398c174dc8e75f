#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/events/event.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/postgres/webhook_repository.hpp"

namespace flashsale::events {

/// One request to an endpoint, without what is the connection's business.
struct WebhookMessage {
  std::string url;
  std::vector<std::string> headers;  ///< each `Name: value`
  std::string body;
};

/// The whole event, signed with each secret of the endpoint. `webhook-id` is the event's id, with what is no visible
/// ASCII in it percent-encoded.
[[nodiscard]] WebhookMessage make_message(const postgres::WebhookTarget& target, const Event& event,
                                          std::string_view source, TimePoint now);

/// An event that is in no line: for a test of one endpoint.
[[nodiscard]] Event make_ping(const std::string& webhook_id, TimePoint now);

}  // namespace flashsale::events
