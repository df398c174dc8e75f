#include "open_metrics.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace flashsale::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view kTotal = "_total";
constexpr std::string_view kSeconds = "_seconds";

void append_number(std::string& out, double number) {
  if (std::isnan(number)) {
    out += "NaN";
  } else if (std::isinf(number)) {
    out += number > 0 ? "+Inf" : "-Inf";
  } else {
    std::array<char, 32> digits{};
    char* const end = digits.data() + digits.size();
    // Without an exponent where the plain form has none.
    out.append(digits.data(), std::to_chars(digits.data(), end, number, std::chars_format::general).ptr);
  }
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
}

/// `{a="b",le="5"}`, or nothing.
void append_labels(std::string& out, const ClientMetric& metric, std::string_view name = {}, double value = 0) {
  if (metric.label.empty() && name.empty()) return;
  char separator = '{';
  for (const auto& label : metric.label) {
    out.append(1, separator).append(label.name).append("=\"");
    append_escaped(out, label.value);
    out += '"';
    separator = ',';
  }
  if (!name.empty()) {
    out.append(1, separator).append(name).append("=\"");
    append_number(out, value);
    out += '"';
  }
  out += '}';
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix, const ClientMetric& metric,
                   double value) {
  out.append(name).append(suffix);
  append_labels(out, metric);
  out += ' ';
  append_number(out, value);
  out += '\n';
}

void append_exemplar(std::string& out, const Exemplar& exemplar) {
  out.append(" # {trace_id=\"").append(to_string(exemplar.trace_id)).append("\"} ");
  append_number(out, exemplar.value);
  out += ' ';
  const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(exemplar.at.time_since_epoch());
  append_number(out, static_cast<double>(at.count()) / 1000);
}

void append_bucket(std::string& out, std::string_view name, const ClientMetric& metric,
                   const ClientMetric::Bucket& bucket, const ExemplarsByBucket& exemplars) {
  out.append(name).append("_bucket");
  append_labels(out, metric, "le", bucket.upper_bound);
  out.append(" ").append(std::to_string(bucket.cumulative_count));
  const auto exemplar = exemplars.find(bucket.upper_bound);
  if (exemplar != exemplars.end()) append_exemplar(out, exemplar->second);
  out += '\n';
}

void append_histogram(std::string& out, std::string_view name, const ClientMetric& metric,
                      const ExemplarsByBucket& exemplars) {
  const auto& histogram = metric.histogram;
  for (const auto& bucket : histogram.bucket) append_bucket(out, name, metric, bucket, exemplars);
  const bool ends_open = !histogram.bucket.empty() && std::isinf(histogram.bucket.back().upper_bound);
  if (!ends_open) append_bucket(out, name, metric, {histogram.sample_count, HUGE_VAL}, exemplars);
  append_sample(out, name, "_count", metric, static_cast<double>(histogram.sample_count));
  append_sample(out, name, "_sum", metric, histogram.sample_sum);
}

void append_summary(std::string& out, std::string_view name, const ClientMetric& metric) {
  for (const auto& quantile : metric.summary.quantile) {
    out.append(name);
    append_labels(out, metric, "quantile", quantile.quantile);
    out += ' ';
    append_number(out, quantile.value);
    out += '\n';
  }
  append_sample(out, name, "_count", metric, static_cast<double>(metric.summary.sample_count));
  append_sample(out, name, "_sum", metric, metric.summary.sample_sum);
}

/// What OpenMetrics calls it. A counter's samples must end in `_total`, its family must not.
struct Shape {
  std::string_view name;
  std::string_view type;
  bool is_counter = false;
};

Shape shape_of(const MetricFamily& family) {
  const std::string_view name = family.name;
  switch (family.type) {
    case MetricType::Counter:
      if (!name.ends_with(kTotal)) return {name, "unknown"};
      return {name.substr(0, name.size() - kTotal.size()), "counter", true};
    case MetricType::Gauge: return {name, "gauge"};
    case MetricType::Summary: return {name, "summary"};
    case MetricType::Histogram: return {name, "histogram"};
    default: return {name, "unknown"};
  }
}

double value_of(const MetricFamily& family, const ClientMetric& metric) {
  switch (family.type) {
    case MetricType::Counter: return metric.counter.value;
    case MetricType::Gauge: return metric.gauge.value;
    default: return metric.untyped.value;
  }
}

void append_family(std::string& out, const MetricFamily& family, const Exemplars& exemplars) {
  const auto shape = shape_of(family);
  out.append("# TYPE ").append(shape.name).append(" ").append(shape.type).append("\n");
  if (shape.name.ends_with(kSeconds)) out.append("# UNIT ").append(shape.name).append(" seconds\n");
  out.append("# HELP ").append(shape.name).append(" ");
  append_escaped(out, family.help);
  out += '\n';
  for (const auto& metric : family.metric) {
    switch (family.type) {
      case MetricType::Histogram:
        append_histogram(out, shape.name, metric, exemplars.of(family.name, metric.label));
        break;
      case MetricType::Summary: append_summary(out, shape.name, metric); break;
      default: append_sample(out, shape.name, shape.is_counter ? kTotal : "", metric, value_of(family, metric));
    }
  }
}

}  // namespace

std::string open_metrics_text(const std::vector<MetricFamily>& families, const Exemplars& exemplars) {
  std::string text;
  for (const auto& family : families) append_family(text, family, exemplars);
  return text + "# EOF\n";
}

}  // namespace flashsale::telemetry
