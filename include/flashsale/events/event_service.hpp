#pragma once
#include <chrono>
#include <memory>
#include <vector>

#include "flashsale/events/event_keeper.hpp"
#include "flashsale/events/event_log.hpp"
#include "flashsale/events/leadership.hpp"
#include "flashsale/events/relay.hpp"
#include "flashsale/events/sequencer.hpp"
#include "flashsale/events/sink.hpp"
#include "flashsale/events/webhook_options.hpp"
#include "flashsale/events/webhook_relays.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::events {

/// All that runs for events in one process. Where they are not enabled nothing is started, and the log stays empty.
class EventService {
 public:
  struct Options {
    postgres::Options postgres;
    bool enabled = false;
    bool rehearsals = false;
    std::chrono::seconds retention{0};
    WebhookOptions webhooks;
  };

  EventService(Options options, std::vector<std::unique_ptr<Sink>> sinks, telemetry::Metrics& metrics);
  void start();
  void stop();

  [[nodiscard]] bool enabled() const { return options_.enabled; }
  [[nodiscard]] EventLog& log() { return log_; }
  [[nodiscard]] const Leadership& leadership() const { return leadership_; }

 private:
  Options options_;
  EventLog log_;
  Leadership leadership_;
  Sequencer sequencer_;
  EventKeeper keeper_;
  std::vector<std::unique_ptr<Relay>> relays_;
  WebhookRelays webhooks_;
};

}  // namespace flashsale::events
