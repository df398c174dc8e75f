#pragma once
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "flashsale/telemetry/trace.hpp"

namespace flashsale::outbound {

/// Whose spans they are.
struct TraceResource {
  std::string service_name;
  std::string instance;
};

/// Spans as OTLP has them in JSON: an ExportTraceServiceRequest. Names and attributes are those of OpenTelemetry's
/// semantic conventions where they have any; ours begin with `flashsale.`.
class TraceDocument {
 public:
  explicit TraceDocument(TraceResource resource);

  /// A request and what its order went through, or what an order went through after its answer.
  void add(const telemetry::KeptTrace& kept);
  /// A call of many orders, with links to the spans of these requests.
  void add(const telemetry::BatchTrace& batch, const std::vector<telemetry::TraceContext>& orders);

  /// All of them, once.
  [[nodiscard]] std::string take_text();

 private:
  void add_request(const telemetry::KeptTrace& kept);
  void add_reservation(const telemetry::KeptTrace& kept);
  void add_writing(const telemetry::KeptTrace& kept);
  nlohmann::json& add_span(const telemetry::TraceContext& parent, const char* name, telemetry::TraceTime began,
                           telemetry::TraceTime ended, telemetry::SpanId own_id = telemetry::make_span_id());
  void set_times(nlohmann::json& span, telemetry::TraceTime began, telemetry::TraceTime ended) const;
  [[nodiscard]] std::string unix_nanos(telemetry::TraceTime time) const;

  TraceResource resource_;
  std::chrono::nanoseconds since_epoch_;  ///< what is to be added to the steady clock
  nlohmann::json spans_ = nlohmann::json::array();
};

}  // namespace flashsale::outbound
