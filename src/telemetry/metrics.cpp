#include "flashsale/telemetry/metrics.hpp"

#include <prometheus/text_serializer.h>

#include "exemplars.hpp"
#include "flashsale/model/behaviour.hpp"
#include "open_metrics.hpp"

namespace flashsale::telemetry {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

// From well under a Redis round trip to beyond the longest wait that a client may ask for.
const Histogram::BucketBoundaries& latency_buckets_s() {
  static const Histogram::BucketBoundaries buckets{0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                   0.1,     0.25,   0.5,   1.0,    2.5,   5.0,  10.0};
  return buckets;
}

// As the conventions advise for http.server.request.duration.
const Histogram::BucketBoundaries& server_request_buckets_s() {
  static const Histogram::BucketBoundaries buckets{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                                   0.5,   0.75, 1.0,   2.5,  5.0,   7.5, 10.0};
  return buckets;
}

// Powers of two up to the largest batch that the default settings allow.
const Histogram::BucketBoundaries& batch_buckets() {
  static const Histogram::BucketBoundaries buckets{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
  return buckets;
}

Family<Counter>& counter(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

Family<Gauge>& gauge(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

Family<Histogram>& histogram(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

}  // namespace

Metrics::Metrics()
    : exemplars_(std::make_unique<Exemplars>()),
      registry_(std::make_shared<Registry>()),
      requests_(counter(*registry_, "flashsale_http_requests_total", "HTTP requests answered, by route and status.")),
      request_seconds_(
          histogram(*registry_, "flashsale_http_request_seconds", "Time from a request's first byte to its answer.")),
      server_request_seconds_(histogram(*registry_, "http_server_request_duration_seconds",
                                        "Duration of HTTP server requests, as OpenTelemetry names it.")),
      reservations_(counter(*registry_, "flashsale_reservations_total", "Checkouts decided, by outcome.")),
      orders_written_(counter(*registry_, "flashsale_orders_written_total",
                              "Orders that the journal settled in PostgreSQL, by outcome.")),
      order_final_seconds_(histogram(*registry_, "flashsale_order_final_seconds",
                                     "Time from a checkout to the commit that made its order final.")),
      dependency_errors_(counter(*registry_, "flashsale_dependency_errors_total",
                                 "Failed calls to Redis and PostgreSQL, by kind of failure.")),
      rebuilds_(counter(*registry_, "flashsale_rebuilds_total",
                        "Times that a sale's Redis state was rebuilt from PostgreSQL, by result.")),
      drift_units_(
          counter(*registry_, "flashsale_drift_units_total",
                  "Units by which Redis and PostgreSQL were found apart, by direction; the sale was rebuilt.")),
      payments_(counter(*registry_, "flashsale_payments_total",
                        "Messages of the payment provider, by what became of them, and orders that expired unpaid.")),
      connections_refused_(counter(*registry_, "flashsale_connections_refused_total",
                                   "Connections closed without being served, by reason.")),
      batch_size_(histogram(*registry_, "flashsale_batch_size", "Orders handled in one call, by stage.")),
      queue_depth_(gauge(*registry_, "flashsale_queue_depth", "Entries waiting in a bounded queue.")),
      dependency_seconds_(histogram(*registry_, "flashsale_dependency_seconds",
                                    "Time of a call to Redis or PostgreSQL, by operation.")),
      pending_log_entries_(gauge(*registry_, "flashsale_pending_log_entries",
                                 "Batches of accepted orders not yet settled in PostgreSQL, over all sales.")),
      pending_log_age_(gauge(*registry_, "flashsale_pending_log_oldest_age_seconds",
                             "Age of the oldest accepted order not yet settled in PostgreSQL.")),
      connections_(gauge(*registry_, "flashsale_connections", "Open client connections, by listener.")),
      pulse_age_(gauge(*registry_, "flashsale_pulse_age_seconds",
                       "Time since the last refresh of the sales' state from Redis.")),
      behaviour_customers_(gauge(*registry_, "flashsale_behaviour_customers",
                                 "Customers whose checkouts are remembered, by how unlike people they are.")),
      behaviour_left_out_(counter(*registry_, "flashsale_behaviour_left_out_total",
                                  "Checkouts that the score of behaviour did not look at, for want of room.")),
      store_used_(gauge(*registry_, "flashsale_store_used", "What is used of a store's bounded resource.")),
      store_limit_(gauge(*registry_, "flashsale_store_limit", "How much of that resource the store has.")),
      events_position_(
          gauge(*registry_, "flashsale_events_position", "Position of the newest event, as this process knows it.")),
      events_unnumbered_(
          gauge(*registry_, "flashsale_events_unnumbered", "Rows of the outbox that have no position yet.")),
      events_sink_lag_(gauge(*registry_, "flashsale_events_sink_lag", "Events that wait for a sink.")),
      events_sink_oldest_age_(gauge(*registry_, "flashsale_events_sink_oldest_age_seconds",
                                    "Age of the oldest event that waits for a sink.")),
      events_delivered_(counter(*registry_, "flashsale_events_delivered_total",
                                "Events that a sink has taken, and deliveries that failed, by outcome.")),
      events_delivery_seconds_(
          histogram(*registry_, "flashsale_events_delivery_seconds", "Time that a sink took for a batch of events.")),
      traces_kept_(counter(*registry_, "flashsale_traces_kept_total", "Requests whose spans are kept, by reason.")),
      traces_dropped_(counter(*registry_, "flashsale_traces_dropped_total",
                              "Requests whose spans should have been kept and are lost, by reason.")),
      traces_exports_(counter(*registry_, "flashsale_traces_exports_total",
                              "Batches of traces sent to the collector, by outcome.")) {
  gauge(*registry_, "flashsale_build_info", "Always 1; the version is in the label.")
      .Add({{"version", FLASHSALE_VERSION}})
      .Set(1);
  // There is one of each: without a first value they would be missing until they are first set.
  pending_log_entries().Set(0);
  pending_log_age_seconds().Set(0);
  pulse_age_seconds().Set(0);
  static_cast<void>(order_final_seconds());
  events_position().Set(0);
  events_unnumbered().Set(0);
  // What alerts count has to begin at 0: nobody sees the growth of a series that begins at 1.
  for (const char* direction : {"too_many", "too_few"}) drift_units(direction).Increment(0);
  for (const char* result : {"published", "superseded", "failed"}) rebuilds(result).Increment(0);
  for (const char* reason : {"accept", "limit"}) connections_refused(reason).Increment(0);
  payments("refund_required").Increment(0);
  for (const char* reason : {"chance", "flag", "slow", "failure"}) traces_kept(reason).Increment(0);
  for (const char* reason : {"over_rate", "queue_full", "collector"}) traces_dropped(reason).Increment(0);
  for (const char* outcome : {"taken", "refused", "failed"}) traces_exports(outcome).Increment(0);
  for (const auto band : kBehaviourBands) behaviour_customers(band).Set(0);
  behaviour_left_out().Increment(0);
}

Metrics::~Metrics() = default;

Counter& Metrics::requests(std::string_view route, unsigned status) {
  return requests_.Add({{"route", std::string(route)}, {"status", std::to_string(status)}});
}

Histogram& Metrics::request_seconds(std::string_view route) {
  return request_seconds_.Add({{"route", std::string(route)}}, latency_buckets_s());
}

Histogram& Metrics::server_request_seconds(std::string_view method, std::string_view route, unsigned status) {
  const prometheus::Labels labels{{"http_request_method", std::string(method)},
                                  {"http_route", std::string(route)},
                                  {"http_response_status_code", std::to_string(status)},
                                  {"url_scheme", "http"}};
  auto& histogram = server_request_seconds_.Add(labels, server_request_buckets_s());
  exemplars_->add(histogram, server_request_seconds_.GetName(), labels, server_request_buckets_s());
  return histogram;
}

Counter& Metrics::reservations(std::string_view outcome) {
  return reservations_.Add({{"outcome", std::string(outcome)}});
}

Counter& Metrics::orders_written(std::string_view outcome) {
  return orders_written_.Add({{"outcome", std::string(outcome)}});
}

Histogram& Metrics::order_final_seconds() {
  auto& histogram = order_final_seconds_.Add({}, latency_buckets_s());
  exemplars_->add(histogram, order_final_seconds_.GetName(), {}, latency_buckets_s());
  return histogram;
}

Counter& Metrics::dependency_errors(std::string_view dependency, std::string_view kind) {
  return dependency_errors_.Add({{"dependency", std::string(dependency)}, {"kind", std::string(kind)}});
}

Counter& Metrics::rebuilds(std::string_view result) { return rebuilds_.Add({{"result", std::string(result)}}); }

Counter& Metrics::drift_units(std::string_view direction) {
  return drift_units_.Add({{"direction", std::string(direction)}});
}

Counter& Metrics::payments(std::string_view outcome) { return payments_.Add({{"outcome", std::string(outcome)}}); }

Counter& Metrics::connections_refused(std::string_view reason) {
  return connections_refused_.Add({{"reason", std::string(reason)}});
}

Histogram& Metrics::batch_size(std::string_view stage) {
  return batch_size_.Add({{"stage", std::string(stage)}}, batch_buckets());
}

Gauge& Metrics::queue_depth(std::string_view queue) { return queue_depth_.Add({{"queue", std::string(queue)}}); }

Histogram& Metrics::dependency_seconds(std::string_view dependency, std::string_view operation) {
  return dependency_seconds_.Add({{"dependency", std::string(dependency)}, {"operation", std::string(operation)}},
                                 latency_buckets_s());
}

Gauge& Metrics::pending_log_entries() { return pending_log_entries_.Add({}); }
Gauge& Metrics::pending_log_age_seconds() { return pending_log_age_.Add({}); }
Gauge& Metrics::connections(std::string_view listener) {
  return connections_.Add({{"listener", std::string(listener)}});
}
Gauge& Metrics::pulse_age_seconds() { return pulse_age_.Add({}); }

Gauge& Metrics::behaviour_customers(std::string_view band) {
  return behaviour_customers_.Add({{"band", std::string(band)}});
}
Counter& Metrics::behaviour_left_out() { return behaviour_left_out_.Add({}); }

Gauge& Metrics::store_used(std::string_view store, std::string_view resource) {
  return store_used_.Add({{"store", std::string(store)}, {"resource", std::string(resource)}});
}
Gauge& Metrics::store_limit(std::string_view store, std::string_view resource) {
  return store_limit_.Add({{"store", std::string(store)}, {"resource", std::string(resource)}});
}

Gauge& Metrics::events_position() { return events_position_.Add({}); }
Gauge& Metrics::events_unnumbered() { return events_unnumbered_.Add({}); }
Gauge& Metrics::events_sink_lag(std::string_view sink) { return events_sink_lag_.Add({{"sink", std::string(sink)}}); }
Gauge& Metrics::events_sink_oldest_age_seconds(std::string_view sink) {
  return events_sink_oldest_age_.Add({{"sink", std::string(sink)}});
}
Counter& Metrics::events_delivered(std::string_view sink, std::string_view outcome) {
  return events_delivered_.Add({{"sink", std::string(sink)}, {"outcome", std::string(outcome)}});
}
Histogram& Metrics::events_delivery_seconds(std::string_view sink) {
  return events_delivery_seconds_.Add({{"sink", std::string(sink)}}, latency_buckets_s());
}
void Metrics::forget_events_lag(std::string_view sink) {
  events_sink_lag_.Remove(&events_sink_lag(sink));
  events_sink_oldest_age_.Remove(&events_sink_oldest_age_seconds(sink));
}
void Metrics::forget_events_deliveries(std::string_view sink) {
  for (const auto* outcome : {"delivered", "failed", "parked", "gone_back", "unroutable"}) {
    events_delivered_.Remove(&events_delivered(sink, outcome));
  }
  events_delivery_seconds_.Remove(&events_delivery_seconds(sink));
}

Counter& Metrics::traces_kept(std::string_view reason) { return traces_kept_.Add({{"reason", std::string(reason)}}); }
Counter& Metrics::traces_dropped(std::string_view reason) {
  return traces_dropped_.Add({{"reason", std::string(reason)}});
}
Counter& Metrics::traces_exports(std::string_view outcome) {
  return traces_exports_.Add({{"outcome", std::string(outcome)}});
}

void Metrics::note_exemplar(const Histogram& histogram, double value, const TraceId& trace_id) {
  exemplars_->note(histogram, {value, trace_id, std::chrono::system_clock::now()});
}

Metrics::Families Metrics::collect() const {
  Families families = registry_->Collect();
  for (const auto& read : readers_) read(families);
  return families;
}

std::string Metrics::serialize() const { return prometheus::TextSerializer{}.Serialize(collect()); }

std::string Metrics::serialize_open_metrics() const { return open_metrics_text(collect(), *exemplars_); }

}  // namespace flashsale::telemetry
