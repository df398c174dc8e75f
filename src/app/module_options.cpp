#include "module_options.hpp"

#include <algorithm>
#include <chrono>

#include "flashsale/app/token_command.hpp"
#include "flashsale/events/kafka_sink.hpp"
#include "flashsale/events/rabbitmq_sink.hpp"

namespace flashsale::app {
namespace {

/// A sale may have a thousand items; who sends one is known by name.
constexpr std::uint32_t kAdminBodyBytesMax = 1024 * 1024;
/// Staff, tools and monitoring, beside all streams and calls that may wait for events (StreamHub, EventFeed);
/// file_limit.cpp keeps files for them.
constexpr std::uint32_t kAdminConnectionsMax = 512;

using std::chrono::milliseconds;

http::Options http_options(const Settings& settings) {
  const auto& http = settings.http;
  http::Options options;
  options.connections_max = http.connections_max;
  options.header_bytes_max = http.header_bytes_max;
  options.body_bytes_max = http.body_bytes_max;
  options.header_timeout = milliseconds(http.header_timeout_ms);
  options.body_timeout = milliseconds(http.body_timeout_ms);
  options.idle_timeout = milliseconds(http.idle_timeout_ms);
  options.write_timeout = milliseconds(http.write_timeout_ms);
  options.log_one_in = http.request_log_one_in;
  options.trusted_proxies = http.trusted_proxies;
  return options;
}

}  // namespace

redis::Options redis_options(const Settings& settings) {
  redis::Options options;
  options.address = redis::parse_url(settings.redis.url);
  options.connect_timeout = milliseconds(settings.redis.connect_timeout_ms);
  options.timeout = milliseconds(settings.redis.timeout_ms);
  options.allow_replica = settings.redis.allow_replica;
  return options;
}

postgres::Options postgres_options(const Settings& settings) {
  const auto& postgres = settings.postgres;
  postgres::Options options;
  options.url = postgres.url;
  options.connect_timeout = milliseconds(postgres.connect_timeout_ms);
  options.statement_timeout = milliseconds(postgres.statement_timeout_ms);
  options.lock_timeout = milliseconds(postgres.lock_timeout_ms);
  options.idle_in_transaction_timeout = milliseconds(postgres.idle_in_transaction_timeout_ms);
  options.tcp_user_timeout = milliseconds(postgres.tcp_user_timeout_ms);
  return options;
}

checkout::Options checkout_options(const Settings& settings) {
  checkout::Options options;
  options.reservation_batch_max = settings.checkout.reservation_batch_max;
  options.reservation_batches_in_flight_max = settings.checkout.reservation_batches_in_flight_max;
  options.pending_log_entries_max = settings.checkout.pending_log_entries_max;
  options.redis_timeout = milliseconds(settings.redis.timeout_ms);
  options.unpaid_orders_max = settings.checkout.unpaid_orders_max;
  options.unpaid_pause = std::chrono::seconds(settings.checkout.unpaid_pause_s);
  return options;
}

checkout::Permits::Options permits_options(const Settings& settings) {
  checkout::Permits::Options options;
  options.most = settings.checkout.in_flight_max;
  options.latency_target = milliseconds(settings.checkout.latency_target_ms);
  return options;
}

http::Options public_http_options(const Settings& settings) {
  auto options = http_options(settings);
  options.name = "public";
  options.address = settings.http.address;
  options.port = settings.http.port;
  options.cors_origin = settings.http.cors_origin;
  return options;
}

http::Options admin_http_options(const Settings& settings) {
  auto options = http_options(settings);
  options.name = "admin";
  options.address = settings.admin.address;
  options.port = settings.admin.port;
  options.log_one_in = 1;
  options.body_bytes_max = kAdminBodyBytesMax;
  options.connections_max = std::min(options.connections_max, kAdminConnectionsMax);
  return options;
}

events::EventService::Options event_options(const Settings& settings) {
  return {.postgres = postgres_options(settings),
          .enabled = settings.events.enabled,
          .rehearsals = settings.events.rehearsals,
          .retention = std::chrono::seconds(settings.events.retention_s),
          .webhooks = webhook_options(settings)};
}

events::WebhookOptions webhook_options(const Settings& settings) {
  return {.source = settings.events.source,
          .allow_private = settings.events_webhooks.allow_private,
          .allow_http = settings.events_webhooks.allow_http,
          .ca_file = settings.events_webhooks.ca_file,
          .disable_after = std::chrono::seconds(settings.events_webhooks.disable_after_s)};
}

std::vector<std::unique_ptr<events::Sink>> event_sinks(const Settings& settings, telemetry::Metrics& metrics) {
  std::vector<std::unique_ptr<events::Sink>> sinks;
  if (!settings.events.enabled) return sinks;
  if (const auto& rabbitmq = settings.events_rabbitmq; !rabbitmq.url.empty()) {
    sinks.push_back(events::make_rabbitmq_sink({.url = rabbitmq.url,
                                                .ca_file = rabbitmq.ca_file,
                                                .exchange = rabbitmq.exchange,
                                                .source = settings.events.source,
                                                .drops_unroutable = rabbitmq.unroutable == "drop"},
                                               metrics));
  }
  if (const auto& kafka = settings.events_kafka; !kafka.brokers.empty()) {
    sinks.push_back(events::make_kafka_sink({.brokers = kafka.brokers,
                                             .topic = kafka.topic,
                                             .properties = kafka.properties,
                                             .source = settings.events.source,
                                             .is_binary = kafka.mode == "binary",
                                             .is_exactly_once = kafka.exactly_once}));
  }
  return sinks;
}

checkout::BehaviourRecorder::Options behaviour_options(const Settings& settings) {
  checkout::BehaviourRecorder::Options options;
  options.postgres = postgres_options(settings);
  options.table.customers_max = settings.behaviour.customers_max;
  return options;
}

identity::CustomerRateLimiter::Options rate_limiter_options(const Settings& settings) {
  return {settings.rate_limit.requests_per_s, settings.rate_limit.burst, settings.rate_limit.customers_max};
}

telemetry::Tracer::Options tracer_options(const Settings& settings) {
  telemetry::Tracer::Options options;
  options.slow = milliseconds(settings.tracing.slow_ms);
  options.keep_one_in = settings.tracing.keep_one_in;
  options.kept_per_s_max = settings.tracing.kept_per_s_max;
  return options;
}

outbound::TraceExporter::Options trace_exporter_options(const Settings& settings) {
  outbound::TraceExporter::Options options;
  options.url = settings.tracing.url;
  options.headers = settings.tracing.headers;
  options.ca_file = settings.tracing.ca_file;
  options.service_name = settings.tracing.service_name;
  return options;
}

api::ShopOptions shop_options(const Settings& settings) {
  api::ShopOptions options;
  options.enabled = settings.shop.enabled;
  options.demo = settings.shop.demo;
  if (!options.demo) return options;
  options.tokens = token_options(settings);
  if (!settings.payments.webhook_secrets.empty())
    options.demo_webhook_secret = settings.payments.webhook_secrets.front();
  return options;
}

api::StreamPlaces::Options stream_options(const Settings& settings) {
  const auto& live = settings.live;
  return {live.streams_max, settings.rate_limit.enabled ? live.streams_of_address_max : live.streams_max};
}

}  // namespace flashsale::app
