#pragma once
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/admin/forecast_watch.hpp"
#include "flashsale/catalog/catalog.hpp"
#include "flashsale/catalog/directory_watch.hpp"
#include "flashsale/catalog/pulse.hpp"
#include "flashsale/catalog/sale_lookup.hpp"
#include "flashsale/catalog/upkeep.hpp"
#include "flashsale/checkout/checkout.hpp"
#include "flashsale/events/event_service.hpp"
#include "flashsale/events/webhook_options.hpp"
#include "flashsale/identity/admin_tokens.hpp"
#include "flashsale/identity/behaviour_notes.hpp"
#include "flashsale/identity/customer_calls.hpp"
#include "flashsale/identity/customer_id_form.hpp"
#include "flashsale/identity/customer_rate_limiter.hpp"
#include "flashsale/identity/gateway_peers.hpp"
#include "flashsale/identity/origin_hasher.hpp"
#include "flashsale/identity/token_verifier.hpp"
#include "flashsale/identity/webhook_verifier.hpp"
#include "flashsale/payments/intake.hpp"
#include "flashsale/telemetry/metrics.hpp"
#include "flashsale/workers/operation_pool.hpp"

namespace flashsale::api {

/// Which checkouts have a line in the log (log.checkouts).
enum class LoggedCheckouts : std::uint8_t { none, refused, all };

/// What the endpoints of all threads share.
struct ProcessParts {
  workers::OperationPool& operations;  ///< of the admin API
  workers::OperationPool& switches;    ///< what must work at once, whatever else waits: state of a sale, feature flags
  workers::OperationPool& buyers;      ///< buyers' lists and cancellations
  workers::OperationPool& payments;    ///< apart from the others, so that neither waits for the other
  payments::Intake& payment_intake;    ///< in front of that pool
  workers::OperationPool& reports;     ///< what reads or changes a whole sale, or all of a customer: takes its time
  workers::OperationPool& feed;        ///< reads events
  workers::OperationPool& exports;     ///< has no queue: one that is free, or none
  events::EventService& events;
  workers::OperationPool& endpoints;  ///< what waits for somebody else's server: tests of webhooks
  checkout::OrderLookup& lookup;
  catalog::DirectoryWatch& directory;
  catalog::Pulse& pulse;
  catalog::Upkeep& upkeep;
  const admin::ForecastWatch& forecasts;
  identity::CustomerRateLimiter* rate_limiter;  ///< null: no limit
  identity::CustomerCalls* customer_calls;      ///< null: no bound
  const identity::GatewayPeers* gateway_peers;  ///< null: customers come with tokens
  const identity::GatewayPeers& trusted_proxies;
  const identity::AdminTokens& admin_tokens;  ///< of the thread that serves admins; replaced between two calls
  const events::WebhookOptions& webhooks;
  const identity::OriginHasher& origins;  ///< of clients and of cards
  telemetry::Metrics& metrics;
  std::function<std::vector<std::string_view>()> failing_parts;  ///< what keeps the process from selling; any thread
  std::string event_source;                                      ///< of all events
  std::chrono::milliseconds wait{2000};
  std::chrono::milliseconds wait_max{10'000};
  std::chrono::seconds payment_window_max{86'400};
  identity::CustomerIdForm customer_id_form = identity::CustomerIdForm::bytes;
  LoggedCheckouts logged_checkouts = LoggedCheckouts::none;
};

/// What the endpoints of one I/O thread have for themselves.
struct ThreadParts {
  boost::asio::io_context& context;
  catalog::Catalog& catalog;
  catalog::SaleLookup& sales;
  checkout::Checkout& checkout;
  identity::TokenVerifier& tokens;  ///< may be replaced between two calls, as the next
  const identity::WebhookVerifier& webhooks;
  identity::BehaviourNotes* behaviour;  ///< null: nothing is noted
};

}  // namespace flashsale::api
