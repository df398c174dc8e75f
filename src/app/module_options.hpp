#pragma once
#include <memory>
#include <vector>

#include "flashsale/api/shop_options.hpp"
#include "flashsale/api/stream_places.hpp"
#include "flashsale/app/settings.hpp"
#include "flashsale/checkout/behaviour_recorder.hpp"
#include "flashsale/checkout/options.hpp"
#include "flashsale/checkout/permits.hpp"
#include "flashsale/events/event_service.hpp"
#include "flashsale/events/sink.hpp"
#include "flashsale/events/webhook_options.hpp"
#include "flashsale/http/server.hpp"
#include "flashsale/identity/customer_rate_limiter.hpp"
#include "flashsale/outbound/trace_exporter.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/redis/options.hpp"
#include "flashsale/telemetry/metrics.hpp"
#include "flashsale/telemetry/tracer.hpp"

namespace flashsale::app {

/// Settings as each module wants them. redis_options throws std::invalid_argument for an unusable URL.
[[nodiscard]] redis::Options redis_options(const Settings& settings);
[[nodiscard]] postgres::Options postgres_options(const Settings& settings);
[[nodiscard]] checkout::Options checkout_options(const Settings& settings);
[[nodiscard]] checkout::Permits::Options permits_options(const Settings& settings);
[[nodiscard]] http::Options public_http_options(const Settings& settings);
[[nodiscard]] http::Options admin_http_options(const Settings& settings);
[[nodiscard]] checkout::BehaviourRecorder::Options behaviour_options(const Settings& settings);
[[nodiscard]] identity::CustomerRateLimiter::Options rate_limiter_options(const Settings& settings);
[[nodiscard]] telemetry::Tracer::Options tracer_options(const Settings& settings);
/// Without the name of the instance.
[[nodiscard]] outbound::TraceExporter::Options trace_exporter_options(const Settings& settings);
[[nodiscard]] api::ShopOptions shop_options(const Settings& settings);
[[nodiscard]] api::StreamPlaces::Options stream_options(const Settings& settings);

[[nodiscard]] events::EventService::Options event_options(const Settings& settings);
[[nodiscard]] events::WebhookOptions webhook_options(const Settings& settings);
/// Those that are set up; of each kind at most one. Throws std::invalid_argument for what cannot be used.
[[nodiscard]] std::vector<std::unique_ptr<events::Sink>> event_sinks(const Settings& settings,
                                                                     telemetry::Metrics& metrics);

}  // namespace flashsale::app
