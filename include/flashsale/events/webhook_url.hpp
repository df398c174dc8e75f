#pragma once
#include <string>
#include <string_view>

#include "flashsale/events/webhook_options.hpp"

namespace flashsale::events {

/// Why events cannot be sent to this URL; empty: they can. Read by the same parser as when it is connected to. Of a
/// name it is only then decided where it leads.
[[nodiscard]] std::string fault_of_webhook_url(std::string_view url, const WebhookOptions& options);

/// Scheme, host and path: what may be logged. A query may hold somebody's secret.
[[nodiscard]] std::string loggable_url(std::string_view url);

}  // namespace flashsale::events
