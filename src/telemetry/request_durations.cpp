#include "flashsale/telemetry/request_durations.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "exemplars.hpp"
#include "latency_buckets.hpp"

namespace flashsale::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view kOpenTelemetryName = "http_server_request_duration_seconds";

// As the conventions advise for http.server.request.duration.
constexpr std::array kOpenTelemetryBucketsS{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                            0.5,   0.75, 1.0,   2.5,  5.0,   7.5, 10.0};

/// Those of both families: an observation is counted once.
constexpr auto kBucketsS = [] {
  std::array<double, kLatencyBucketsS.size() + 3> both{};
  std::ranges::set_union(kLatencyBucketsS, kOpenTelemetryBucketsS, both.begin());
  return both;
}();
static_assert(kBucketsS.size() <= ThreadHistogram::kBoundsMax);
static_assert(std::ranges::includes(kBucketsS, kLatencyBucketsS));
static_assert(std::ranges::includes(kBucketsS, kOpenTelemetryBucketsS));
static_assert(std::ranges::adjacent_find(kBucketsS, std::greater_equal{}) == kBucketsS.end());

MetricFamily family(std::string_view name, const char* help, MetricType type) {
  MetricFamily made;
  made.name = name;
  made.help = help;
  made.type = type;
  return made;
}

ClientMetric& add_series(MetricFamily& family, std::vector<ClientMetric::Label> labels) {
  auto& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  return metric;
}

std::vector<ClientMetric::Label> labels_of(std::string_view method, std::string_view route, unsigned status) {
  return {{"http_request_method", std::string(method)},
          {"http_response_status_code", std::to_string(status)},
          {"http_route", std::string(route)},
          {"url_scheme", "http"}};
}

}  // namespace

ThreadHistogram& RequestDurations::add(std::string_view method, std::string_view route, unsigned status) {
  auto cell = std::make_unique<ThreadHistogram>(kBucketsS);
  exemplars_.add(*cell, std::string(kOpenTelemetryName), labels_of(method, route, status), kOpenTelemetryBucketsS);
  add_route(route);
  const std::lock_guard lock(mutex_);
  return *cells_[{std::string(route), status, std::string(method)}].emplace_back(std::move(cell));
}

void RequestDurations::add_route(std::string_view route) {
  const std::lock_guard lock(mutex_);
  routes_.try_emplace(std::string(route), kBucketsS);
}

ClientMetric::Histogram RequestDurations::of_route(std::string_view route) const {
  HistogramSum sum(kBucketsS);
  const std::lock_guard lock(mutex_);
  for (const auto& [series, cells] : cells_) {
    if (series.route != route) continue;
    for (const auto& cell : cells) sum.add(*cell);
  }
  return sum.collect(kLatencyBucketsS);
}

std::map<RequestDurations::Series, HistogramSum> RequestDurations::sums() const {
  std::map<Series, HistogramSum> sums;
  for (const auto& [series, cells] : cells_) {
    auto& sum = sums.try_emplace(series, kBucketsS).first->second;
    for (const auto& cell : cells) sum.add(*cell);
  }
  return sums;
}

void RequestDurations::collect(std::vector<MetricFamily>& families) const {
  auto requests =
      family("flashsale_http_requests_total", "HTTP requests answered, by route and status.", MetricType::Counter);
  auto seconds = family("flashsale_http_request_seconds", "Time from a request's first byte to its answer.",
                        MetricType::Histogram);
  auto open_telemetry =
      family(kOpenTelemetryName, "Duration of HTTP server requests, as OpenTelemetry names it.", MetricType::Histogram);
  std::unique_lock lock(mutex_);
  const auto sums = this->sums();
  auto by_route = routes_;
  lock.unlock();
  const Series* last = nullptr;  // the methods of a route and status stand side by side
  for (const auto& [series, sum] : sums) {
    if (last == nullptr || last->route != series.route || last->status != series.status) {
      add_series(requests, {{"route", series.route}, {"status", std::to_string(series.status)}});
    }
    last = &series;
    requests.metric.back().counter.value += static_cast<double>(sum.count());
    by_route.at(series.route).add(sum);
    add_series(open_telemetry, labels_of(series.method, series.route, series.status)).histogram =
        sum.collect(kOpenTelemetryBucketsS);
  }
  for (const auto& [route, sum] : by_route) {
    add_series(seconds, {{"route", route}}).histogram = sum.collect(kLatencyBucketsS);
  }
  for (auto* made : {&requests, &seconds, &open_telemetry}) families.push_back(std::move(*made));
}

}  // namespace flashsale::telemetry
