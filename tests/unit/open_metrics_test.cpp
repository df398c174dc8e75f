#include "telemetry/open_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::telemetry {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using testing::HasSubstr;
using testing::Not;

const TraceId kTrace{0x4bf92f3577b34da6, 0xa3ce929d0e0e4736};

std::string text_of(const MetricFamily& family) { return open_metrics_text({family}, Exemplars()); }

MetricFamily family_of(const char* name, MetricType type) {
  MetricFamily family;
  family.name = name;
  family.help = "What it is.";
  family.type = type;
  family.metric.emplace_back();
  return family;
}

TEST(OpenMetricsTest, ACountersFamilyHasNoTotal) {
  auto family = family_of("tries_total", MetricType::Counter);
  family.metric[0].counter.value = 3;
  family.metric[0].label = {{"kind", "a\"b\\c\nd"}};
  EXPECT_EQ(text_of(family),
            "# TYPE tries counter\n# HELP tries What it is.\ntries_total{kind=\"a\\\"b\\\\c\\nd\"} 3\n# EOF\n");
  EXPECT_THAT(text_of(family_of("tries", MetricType::Counter)), HasSubstr("# TYPE tries unknown\n"));
}

TEST(OpenMetricsTest, AUnitIsNamedWhereTheNameEndsInIt) {
  auto family = family_of("age_seconds", MetricType::Gauge);
  family.metric[0].gauge.value = 0.25;
  EXPECT_EQ(text_of(family),
            "# TYPE age_seconds gauge\n# UNIT age_seconds seconds\n# HELP age_seconds What it is.\n"
            "age_seconds 0.25\n# EOF\n");
}

TEST(OpenMetricsTest, NumbersThatAreNone) {
  auto family = family_of("limit", MetricType::Gauge);
  family.metric[0].gauge.value = std::numeric_limits<double>::infinity();
  EXPECT_THAT(text_of(family), HasSubstr("limit +Inf\n"));
  family.metric[0].gauge.value = -std::numeric_limits<double>::infinity();
  EXPECT_THAT(text_of(family), HasSubstr("limit -Inf\n"));
  family.metric[0].gauge.value = std::nan("");
  EXPECT_THAT(text_of(family), HasSubstr("limit NaN\n"));
}

TEST(OpenMetricsTest, AHistogramHasItsBucketsAsInThePlainForm) {
  Metrics metrics;
  metrics.add_order_final_seconds().observe(0.3);
  metrics.add_order_final_seconds().observe(4);
  const auto plain = metrics.serialize();
  const auto open = metrics.serialize_open_metrics();
  for (const char* line :
       {"flashsale_order_final_seconds_bucket{le=\"0.00025\"} 0\n",
        "flashsale_order_final_seconds_bucket{le=\"0.0005\"} 0\n",
        "flashsale_order_final_seconds_bucket{le=\"0.25\"} 0\n", "flashsale_order_final_seconds_bucket{le=\"5\"} 2\n",
        "flashsale_order_final_seconds_bucket{le=\"+Inf\"} 2\n", "flashsale_order_final_seconds_count 2\n",
        "flashsale_order_final_seconds_sum 4.3\n"}) {
    EXPECT_THAT(plain, HasSubstr(line));
    EXPECT_THAT(open, HasSubstr(line));
  }
}

TEST(OpenMetricsTest, ABucketHasItsNewestExemplar) {
  Metrics metrics;
  auto& seconds = metrics.request_durations().add("POST", "/v1/sales/{sale_id}/orders", 201);
  for (const double value : {0.003, 0.004, 0.07, 99.0}) seconds.observe(value);
  metrics.note_exemplar(seconds, 0.003, {1, 1});
  metrics.note_exemplar(seconds, 0.004, kTrace);
  metrics.note_exemplar(seconds, 99, kTrace);
  const auto text = metrics.serialize_open_metrics();
  const std::string labels =
      "{http_request_method=\"POST\",http_response_status_code=\"201\",http_route=\"/v1/sales/{sale_id}/orders\","
      "url_scheme=\"http\",le=";
  const std::string exemplar = " # {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} ";
  EXPECT_THAT(text, HasSubstr(labels + "\"0.005\"} 2" + exemplar + "0.004 "));
  EXPECT_THAT(text, HasSubstr(labels + "\"0.075\"} 3\n"));
  EXPECT_THAT(text, HasSubstr(labels + "\"+Inf\"} 4" + exemplar + "99 "));
  EXPECT_THAT(metrics.serialize(), Not(HasSubstr("trace_id")));
}

TEST(OpenMetricsTest, AValueOnTheBoundIsOfTheBucketBelowIt) {
  Metrics metrics;
  auto& seconds = metrics.add_order_final_seconds();
  seconds.observe(0.25);
  metrics.note_exemplar(seconds, 0.25, kTrace);
  EXPECT_THAT(metrics.serialize_open_metrics(), HasSubstr("{le=\"0.25\"} 1 # {trace_id"));
}

TEST(OpenMetricsTest, OthersHaveNoExemplars) {
  Metrics metrics;
  constexpr std::array kBounds{1.0};
  metrics.note_exemplar(ThreadHistogram(kBounds), 0.1, kTrace);
  EXPECT_THAT(metrics.serialize_open_metrics(), Not(HasSubstr("trace_id")));
}

}  // namespace
}  // namespace flashsale::telemetry
