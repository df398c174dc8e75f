#pragma once
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/telemetry/request_durations.hpp"
#include "flashsale/telemetry/thread_histogram.hpp"
#include "flashsale/telemetry/trace_context.hpp"

namespace flashsale::telemetry {

/// Of a gauge whose value cannot be read: neither the last one, which may be far from it, nor a zero.
inline constexpr double kUnknownReading = std::numeric_limits<double>::quiet_NaN();

/// The process's Prometheus registry. Families are made once; label combinations are looked up at start (or at first
/// use in cold paths) and the returned reference kept: looking one up takes a lock, incrementing a counter does not.
/// What is observed with each request has cells for each thread. Thread-safe; every name begins with `flashsale_`,
/// times are in seconds.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  [[nodiscard]] RequestDurations& request_durations() { return request_durations_; }
  [[nodiscard]] prometheus::Counter& reservations(std::string_view outcome);
  [[nodiscard]] prometheus::Counter& orders_written(std::string_view outcome);
  /// From a checkout to its order's commit, in seconds: a cell for one thread, which lives as long as this.
  [[nodiscard]] ThreadHistogram& add_order_final_seconds();
  [[nodiscard]] prometheus::Counter& dependency_errors(std::string_view dependency, std::string_view kind);
  [[nodiscard]] prometheus::Counter& rebuilds(std::string_view result);
  [[nodiscard]] prometheus::Counter& drift_units(std::string_view direction);  ///< too_many, too_few
  [[nodiscard]] prometheus::Counter& payments(std::string_view outcome);  ///< a PaymentOutcome; of orders also expired
  [[nodiscard]] prometheus::Counter& connections_refused(std::string_view reason);
  [[nodiscard]] prometheus::Histogram& batch_size(std::string_view stage);  ///< stage: reservation, journal, lookup
  [[nodiscard]] prometheus::Gauge& queue_depth(std::string_view queue);
  [[nodiscard]] prometheus::Histogram& dependency_seconds(std::string_view dependency, std::string_view operation);
  [[nodiscard]] prometheus::Gauge& pending_log_entries();      ///< over all sales, as of the last pulse
  [[nodiscard]] prometheus::Gauge& pending_log_age_seconds();  ///< of the oldest entry over all sales
  [[nodiscard]] prometheus::Gauge& connections(std::string_view listener);
  [[nodiscard]] prometheus::Gauge& pulse_age_seconds();

  [[nodiscard]] prometheus::Gauge& behaviour_customers(std::string_view band);  ///< of kBehaviourBands
  [[nodiscard]] prometheus::Counter& behaviour_left_out();

  [[nodiscard]] prometheus::Gauge& store_used(std::string_view store, std::string_view resource);
  [[nodiscard]] prometheus::Gauge& store_limit(std::string_view store, std::string_view resource);

  [[nodiscard]] prometheus::Gauge& events_position();
  [[nodiscard]] prometheus::Gauge& events_unnumbered();
  [[nodiscard]] prometheus::Gauge& events_sink_lag(std::string_view sink);
  [[nodiscard]] prometheus::Gauge& events_sink_oldest_age_seconds(std::string_view sink);
  [[nodiscard]] prometheus::Counter& events_delivered(std::string_view sink, std::string_view outcome);
  [[nodiscard]] prometheus::Histogram& events_delivery_seconds(std::string_view sink);  ///< of a batch
  /// A sink that is there no more: its series go, so that sinks that come and go leave none. Nobody else may use them
  /// meanwhile: the first is for who observes all sinks, the second for who ran this one's relay.
  void forget_events_lag(std::string_view sink);
  void forget_events_deliveries(std::string_view sink);

  [[nodiscard]] prometheus::Counter& traces_kept(std::string_view reason);  ///< a KeptFor
  [[nodiscard]] prometheus::Counter& traces_dropped(std::string_view reason);
  [[nodiscard]] prometheus::Counter& traces_exports(std::string_view outcome);

  using Families = std::vector<prometheus::MetricFamily>;
  /// For what is known elsewhere and read when somebody asks: `read` is called by each serialize(), in its thread, and
  /// adds to what it is given. Before the first serialize().
  void on_serialize(std::function<void(Families&)> read) { readers_.push_back(std::move(read)); }

  /// The trace that tells how this observation came about, kept until another one falls into its bucket. Takes a lock:
  /// for traces that are kept.
  void note_exemplar(const ThreadHistogram& histogram, double value, const TraceId& trace_id);

  /// Prometheus text exposition format 0.0.4.
  [[nodiscard]] std::string serialize() const;
  /// OpenMetrics 1.0, with exemplars.
  [[nodiscard]] std::string serialize_open_metrics() const;

 private:
  [[nodiscard]] Families collect() const;
  void collect_order_final_seconds(Families& families) const;

  std::vector<std::function<void(Families&)>> readers_;
  std::unique_ptr<Exemplars> exemplars_;
  RequestDurations request_durations_;
  mutable std::mutex mutex_;  ///< of the next
  std::vector<std::unique_ptr<ThreadHistogram>> order_final_seconds_;
  std::shared_ptr<prometheus::Registry> registry_;
  prometheus::Family<prometheus::Counter>& reservations_;
  prometheus::Family<prometheus::Counter>& orders_written_;
  prometheus::Family<prometheus::Counter>& dependency_errors_;
  prometheus::Family<prometheus::Counter>& rebuilds_;
  prometheus::Family<prometheus::Counter>& drift_units_;
  prometheus::Family<prometheus::Counter>& payments_;
  prometheus::Family<prometheus::Counter>& connections_refused_;
  prometheus::Family<prometheus::Histogram>& batch_size_;
  prometheus::Family<prometheus::Gauge>& queue_depth_;
  prometheus::Family<prometheus::Histogram>& dependency_seconds_;
  prometheus::Family<prometheus::Gauge>& pending_log_entries_;
  prometheus::Family<prometheus::Gauge>& pending_log_age_;
  prometheus::Family<prometheus::Gauge>& connections_;
  prometheus::Family<prometheus::Gauge>& pulse_age_;
  prometheus::Family<prometheus::Gauge>& behaviour_customers_;
  prometheus::Family<prometheus::Counter>& behaviour_left_out_;
  prometheus::Family<prometheus::Gauge>& store_used_;
  prometheus::Family<prometheus::Gauge>& store_limit_;
  prometheus::Family<prometheus::Gauge>& events_position_;
  prometheus::Family<prometheus::Gauge>& events_unnumbered_;
  prometheus::Family<prometheus::Gauge>& events_sink_lag_;
  prometheus::Family<prometheus::Gauge>& events_sink_oldest_age_;
  prometheus::Family<prometheus::Counter>& events_delivered_;
  prometheus::Family<prometheus::Histogram>& events_delivery_seconds_;
  prometheus::Family<prometheus::Counter>& traces_kept_;
  prometheus::Family<prometheus::Counter>& traces_dropped_;
  prometheus::Family<prometheus::Counter>& traces_exports_;
};

}  // namespace flashsale::telemetry
