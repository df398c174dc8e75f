#include "flashsale/telemetry/metrics.hpp"

#include <prometheus/text_serializer.h>

#include "exemplars.hpp"
#include "flashsale/model/behaviour.hpp"
#include "latency_buckets.hpp"
#include "open_metrics.hpp"

namespace flashsale::telemetry {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

constexpr const char* kOrderFinalSeconds = "flashsale_order_final_seconds";

const Histogram::BucketBoundaries& latency_buckets_s() {
  static const Histogram::BucketBoundaries buckets(kLatencyBucketsS.begin(), kLatencyBucketsS.end());
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
      request_durations_(*exemplars_),
      registry_(std::make_shared<Registry>()),
      reservations_(counter(*registry_, "flashsale_reservations_total", "Checkouts decided, by outcome.")),
      orders_written_(counter(*registry_, "flashsale_orders_written_total",
                              "Orders that the journal settled in PostgreSQL, by outcome.")),
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

Counter& Metrics::reservations(std::string_view outcome) {
  return reservations_.Add({{"outcome", std::string(outcome)}});
}

Counter& Metrics::orders_written(std::string_view outcome) {
  return orders_written_.Add({{"outcome", std::string(outcome)}});
}

ThreadHistogram& Metrics::add_order_final_seconds() {
  auto cell = std::make_unique<ThreadHistogram>(kLatencyBucketsS);
  exemplars_->add(*cell, kOrderFinalSeconds, {}, kLatencyBucketsS);
  const std::lock_guard lock(mutex_);
  return *order_final_seconds_.emplace_back(std::move(cell));
}

void Metrics::collect_order_final_seconds(Families& families) const {
  HistogramSum sum(kLatencyBucketsS);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& cell : order_final_seconds_) sum.add(*cell);
  }
  auto& family = families.emplace_back();
  family.name = kOrderFinalSeconds;
  family.help = "Time from a checkout to the commit that made its order final.";
  family.type = prometheus::MetricType::Histogram;
  family.metric.emplace_back().histogram = sum.collect(kLatencyBucketsS);
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

void Metrics::note_exemplar(const ThreadHistogram& histogram, double value, const TraceId& trace_id) {
  exemplars_->note(histogram, {value, trace_id, std::chrono::system_clock::now()});
}

Metrics::Families Metrics::collect() const {
  Families families = registry_->Collect();
  request_durations_.collect(families);
  collect_order_final_seconds(families);
  for (const auto& read : readers_) read(families);
  return families;
}

std::string Metrics::serialize() const { return prometheus::TextSerializer{}.Serialize(collect()); }

std::string Metrics::serialize_open_metrics() const { return open_metrics_text(collect(), *exemplars_); }

}  // namespace flashsale::telemetry
