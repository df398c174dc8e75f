#include "flashsale/events/webhook_relays.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "flashsale/telemetry/log.hpp"

namespace flashsale::events {
namespace {

constexpr std::chrono::milliseconds kPause{1000};

}  // namespace

WebhookRelays::WebhookRelays(WebhookOptions options, const postgres::Options& postgres, EventLog& log,
                             Leadership& leadership, telemetry::Metrics& metrics)
    : options_(std::move(options)),
      postgres_(postgres),
      log_(log),
      leadership_(leadership),
      metrics_(metrics),
      session_(postgres::with_brief_waits(postgres), "webhooks"),
      thread_(kPause, [this] { follow(); }) {}

void WebhookRelays::stop() {
  thread_.stop();
  running_.clear();
}

void WebhookRelays::follow() {
  if (!leadership_.holds()) return running_.clear();
  const auto targets = postgres::list_webhook_targets(session_);
  if (!targets) return;
  std::vector<std::string> over;
  for (const auto& [id, running] : running_) {
    const bool stays = !running.sink->is_off() && std::ranges::find(*targets, running.target) != targets->end();
    if (!stays) over.push_back(id);
  }
  for (const auto& id : over) {
    const auto name = postgres::webhook_sink_name(id);
    running_.erase(id);
    if (std::ranges::find(*targets, id, &postgres::WebhookTarget::id) == targets->end()) {
      metrics_.forget_events_deliveries(name);
    }
  }
  for (const auto& target : *targets) begin(target);
  if (const auto error = postgres::agree_webhook_sinks(session_)) {
    telemetry::log_warn("sinks of webhooks are looked after later", {{"error", error.message()}});
  }
}

/// With what changes it begins anew: its relay goes on where it was.
void WebhookRelays::begin(const postgres::WebhookTarget& target) {
  if (running_.contains(target.id)) return;
  auto sink = std::make_unique<WebhookSink>(options_, target, log_, metrics_);
  Running running{target, sink.get(), nullptr};
  running.relay = std::make_unique<Relay>(std::move(sink), postgres_, log_, leadership_, metrics_);
  running.relay->start();
  running_.emplace(target.id, std::move(running));
}

}  // namespace flashsale::events
