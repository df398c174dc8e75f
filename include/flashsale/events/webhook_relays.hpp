#pragma once
#include <map>
#include <memory>
#include <string>

#include "flashsale/events/event_log.hpp"
#include "flashsale/events/leadership.hpp"
#include "flashsale/events/relay.hpp"
#include "flashsale/events/webhook_options.hpp"
#include "flashsale/events/webhook_sink.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/postgres/webhook_repository.hpp"
#include "flashsale/telemetry/metrics.hpp"
#include "flashsale/workers/periodic_thread.hpp"

namespace flashsale::events {

/// A relay for each endpoint that events are to be sent to, in the process that leads. Endpoints come, change and go at
/// run time, by whichever instance: what PostgreSQL has of them is in force here a second later.
class WebhookRelays {
 public:
  WebhookRelays(WebhookOptions options, const postgres::Options& postgres, EventLog& log, Leadership& leadership,
                telemetry::Metrics& metrics);
  void start() { thread_.start(); }
  void stop();

 private:
  struct Running {
    postgres::WebhookTarget target;
    WebhookSink* sink = nullptr;  ///< the relay's
    std::unique_ptr<Relay> relay;
  };

  void follow();
  void begin(const postgres::WebhookTarget& target);

  WebhookOptions options_;
  postgres::Options postgres_;
  EventLog& log_;
  Leadership& leadership_;
  telemetry::Metrics& metrics_;
  postgres::Session session_;
  std::map<std::string, Running> running_;
  workers::PeriodicThread thread_;  ///< the last: it ends before what it uses
};

}  // namespace flashsale::events
