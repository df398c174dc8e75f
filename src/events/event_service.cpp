#include "flashsale/events/event_service.hpp"

#include <utility>

namespace flashsale::events {
namespace {

std::vector<std::string> names_of(const std::vector<std::unique_ptr<Sink>>& sinks) {
  std::vector<std::string> names;
  names.reserve(sinks.size());
  for (const auto& sink : sinks) names.push_back(sink->name());
  return names;
}

}  // namespace

EventService::EventService(Options options, std::vector<std::unique_ptr<Sink>> sinks, telemetry::Metrics& metrics)
    : options_(std::move(options)),
      sequencer_({.postgres = options_.postgres, .rehearsals = options_.rehearsals}, log_, leadership_, metrics),
      keeper_({.postgres = options_.postgres,
               .enabled = options_.enabled,
               .retention = options_.retention,
               .sinks = names_of(sinks)},
              leadership_, metrics),
      webhooks_(options_.webhooks, options_.postgres, log_, leadership_, metrics) {
  for (auto& sink : sinks)
    relays_.push_back(std::make_unique<Relay>(std::move(sink), options_.postgres, log_, leadership_, metrics));
}

void EventService::start() {
  keeper_.start();
  if (!options_.enabled) return;
  for (const auto& relay : relays_) relay->start();
  sequencer_.start();
  webhooks_.start();
}

/// Sinks are left before somebody else may deliver to them.
void EventService::stop() {
  log_.interrupt();
  webhooks_.stop();
  for (const auto& relay : relays_) relay->stop();
  keeper_.stop();
  sequencer_.stop();
}

}  // namespace flashsale::events
