#include "trace_document.hpp"

#include <algorithm>
#include <utility>

namespace flashsale::outbound {
namespace {

using nlohmann::json;
using telemetry::BatchTrace;
using telemetry::KeptTrace;
using telemetry::TraceContext;
using telemetry::TraceTime;

/// OTLP's numbers.
enum SpanKind : int { kInternal = 1, kServer = 2, kClient = 3 };
constexpr int kStatusError = 2;
constexpr unsigned kLeastFailure = 500;
constexpr std::size_t kPathBytesMax = 256;

// 64-bit numbers are texts in JSON, as Protocol Buffers have them.
json attribute(const char* key, std::string_view value) { return {{"key", key}, {"value", {{"stringValue", value}}}}; }
json attribute(const char* key, std::uint64_t value) {
  return {{"key", key}, {"value", {{"intValue", std::to_string(value)}}}};
}

json link_to(const TraceContext& context) {
  return {{"traceId", to_string(context.trace_id)}, {"spanId", telemetry::span_text(context.span_id)}};
}

void set_failed(json& span) { span["status"] = {{"code", kStatusError}}; }

json make_span(const TraceContext& context, std::string name, SpanKind kind) {
  return {{"traceId", to_string(context.trace_id)},
          {"spanId", telemetry::span_text(context.span_id)},
          {"name", std::move(name)},
          {"kind", static_cast<int>(kind)}};
}

json attributes_of(const KeptTrace& kept) {
  auto attributes = json::array();
  attributes.push_back(attribute("http.request.method", kept.method));
  attributes.push_back(attribute("http.route", kept.route));
  attributes.push_back(attribute("http.response.status_code", kept.status));
  attributes.push_back(attribute("url.path", std::string_view(kept.path).substr(0, kPathBytesMax)));
  attributes.push_back(attribute("url.scheme", "http"));
  if (kept.status >= kLeastFailure) attributes.push_back(attribute("error.type", std::to_string(kept.status)));
  attributes.push_back(attribute("flashsale.request_id", kept.request_id));
  attributes.push_back(attribute("flashsale.kept_for", to_string(kept.trace.kept_for)));
  const auto waited_ms = std::chrono::duration_cast<std::chrono::milliseconds>(kept.trace.waited).count();
  if (waited_ms > 0) attributes.push_back(attribute("flashsale.waited_ms", static_cast<std::uint64_t>(waited_ms)));
  const auto& order = kept.trace.order;
  if (order.placed_at == TraceTime{}) return attributes;
  attributes.push_back(attribute("flashsale.order_id", order.id.to_string()));
  attributes.push_back(attribute("flashsale.outcome", order.outcome));
  return attributes;
}

}  // namespace

TraceDocument::TraceDocument(TraceResource resource)
    : resource_(std::move(resource)),
      since_epoch_(std::chrono::system_clock::now().time_since_epoch() -
                   std::chrono::steady_clock::now().time_since_epoch()) {}

void TraceDocument::add(const KeptTrace& kept) {
  if (!kept.is_late) {
    add_request(kept);
    add_reservation(kept);
  }
  add_writing(kept);
}

void TraceDocument::add_request(const KeptTrace& kept) {
  const auto& trace = kept.trace;
  auto span = make_span(trace.context, kept.method + ' ' + kept.route, kServer);
  if (trace.parent != 0) span["parentSpanId"] = telemetry::span_text(trace.parent);
  set_times(span, kept.began, kept.ended);
  span["attributes"] = attributes_of(kept);
  if (kept.status >= kLeastFailure) set_failed(span);
  spans_.push_back(std::move(span));
  add_span(trace.context, "parse", kept.began, trace.parsed_at);
}

void TraceDocument::add_reservation(const KeptTrace& kept) {
  const auto& order = kept.trace.order;
  if (order.placed_at == TraceTime{}) return;
  const auto& context = kept.trace.context;
  add_span(context, "permit", kept.trace.parsed_at, order.placed_at);
  const bool is_decided = order.reservation != nullptr;
  const auto decided_at = is_decided ? order.decided_at : kept.ended;
  const TraceContext own{context.trace_id, telemetry::make_span_id(), true};
  auto& reservation = add_span(context, "reservation", order.placed_at, decided_at, own.span_id);
  if (!is_decided) return;
  reservation["links"] = json::array({link_to(order.reservation->context)});
  if (order.reservation->has_failed) set_failed(reservation);
  add_span(own, "reservation wait", order.placed_at, order.reservation->began);
}

void TraceDocument::add_writing(const KeptTrace& kept) {
  const auto& order = kept.trace.order;
  const auto& context = kept.trace.context;
  if (order.writing) {
    add_span(context, "journal wait", order.decided_at, order.writing->began);
    auto& commit = add_span(context, "commit", order.writing->began, order.writing->ended);
    commit["links"] = json::array({link_to(order.writing->context)});
  } else if (order.outcome == "replayed" && order.reservation) {
    add_span(context, "lookup", order.decided_at, kept.ended);
  }
}

void TraceDocument::add(const BatchTrace& batch, const std::vector<TraceContext>& orders) {
  const bool is_reservation = batch.kind == BatchTrace::Kind::reservation;
  auto span = make_span(batch.context, is_reservation ? "reserve" : "write orders", kClient);
  set_times(span, batch.began, batch.ended);
  span["attributes"] = json::array({attribute("db.system.name", is_reservation ? "redis" : "postgresql"),
                                    attribute("flashsale.orders", batch.orders)});
  auto links = json::array();
  for (const auto& order : orders) links.push_back(link_to(order));
  span["links"] = std::move(links);
  if (batch.has_failed) set_failed(span);
  spans_.push_back(std::move(span));
}

json& TraceDocument::add_span(const TraceContext& parent, const char* name, TraceTime began, TraceTime ended,
                              telemetry::SpanId own_id) {
  auto span = make_span({parent.trace_id, own_id, true}, name, kInternal);
  span["parentSpanId"] = telemetry::span_text(parent.span_id);
  set_times(span, began, ended);
  return spans_.emplace_back(std::move(span));
}

void TraceDocument::set_times(json& span, TraceTime began, TraceTime ended) const {
  span["startTimeUnixNano"] = unix_nanos(began);
  span["endTimeUnixNano"] = unix_nanos(std::max(began, ended));
}

std::string TraceDocument::unix_nanos(TraceTime time) const {
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()) + since_epoch_;
  return std::to_string(since.count());
}

std::string TraceDocument::take_text() {
  json document;
  auto& of_process = document["resourceSpans"][0];
  of_process["resource"]["attributes"] = json::array({attribute("service.name", resource_.service_name),
                                                      attribute("service.instance.id", resource_.instance),
                                                      attribute("service.version", FLASHSALE_VERSION)});
  auto& of_scope = of_process["scopeSpans"][0];
  of_scope["scope"] = {{"name", "flashsaled"}, {"version", FLASHSALE_VERSION}};
  of_scope["spans"] = std::exchange(spans_, json::array());
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace flashsale::outbound
