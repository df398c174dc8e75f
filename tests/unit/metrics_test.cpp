#include "flashsale/telemetry/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace flashsale::telemetry {
namespace {

using testing::HasSubstr;

TEST(MetricsTest, ServesEachFamilyUnderItsName) {
  Metrics metrics;
  for (int i = 0; i < 3; ++i) metrics.request_durations().add("GET", "/v1/sales", 200).observe(0.003);
  metrics.reservations("accepted").Increment();
  metrics.orders_written("confirmed").Increment();
  metrics.dependency_errors("redis", "timeout").Increment();
  metrics.rebuilds("published").Increment();
  metrics.connections_refused("limit").Increment();
  metrics.batch_size("journal").Observe(100);
  metrics.queue_depth("journal").Set(7);
  metrics.dependency_seconds("postgres", "write_orders").Observe(0.02);
  metrics.pending_log_entries().Set(5);
  metrics.pending_log_age_seconds().Set(1.5);
  metrics.connections("public").Set(12);
  metrics.pulse_age_seconds().Set(0.25);
  metrics.traces_kept("slow").Increment();
  metrics.traces_dropped("over_rate").Increment();
  metrics.traces_exports("taken").Increment();
  metrics.behaviour_customers("high").Set(3);
  metrics.behaviour_left_out().Increment(2);
  const std::string text = metrics.serialize();
  for (const char* line : {"# TYPE flashsale_http_requests_total counter\n",
                           "flashsale_http_requests_total{route=\"/v1/sales\",status=\"200\"} 3\n",
                           "# TYPE flashsale_http_request_seconds histogram\n",
                           "flashsale_http_request_seconds_bucket{route=\"/v1/sales\",le=\"0.0025\"} 0\n",
                           "flashsale_http_request_seconds_bucket{route=\"/v1/sales\",le=\"0.005\"} 3\n",
                           "flashsale_reservations_total{outcome=\"accepted\"} 1\n",
                           "flashsale_orders_written_total{outcome=\"confirmed\"} 1\n",
                           "flashsale_dependency_errors_total{dependency=\"redis\",kind=\"timeout\"} 1\n",
                           "flashsale_rebuilds_total{result=\"published\"} 1\n",
                           "flashsale_connections_refused_total{reason=\"limit\"} 1\n",
                           "flashsale_batch_size_bucket{stage=\"journal\",le=\"64\"} 0\n",
                           "flashsale_batch_size_bucket{stage=\"journal\",le=\"128\"} 1\n",
                           "flashsale_queue_depth{queue=\"journal\"} 7\n",
                           "flashsale_dependency_seconds_count{dependency=\"postgres\",operation=\"write_orders\"} 1\n",
                           "flashsale_pending_log_entries 5\n",
                           "flashsale_pending_log_oldest_age_seconds 1.5\n",
                           "flashsale_connections{listener=\"public\"} 12\n",
                           "flashsale_pulse_age_seconds 0.25\n",
                           "flashsale_traces_kept_total{reason=\"slow\"} 1\n",
                           "flashsale_traces_dropped_total{reason=\"over_rate\"} 1\n",
                           "flashsale_traces_exports_total{outcome=\"taken\"} 1\n",
                           "flashsale_behaviour_customers{band=\"high\"} 3\n",
                           "flashsale_behaviour_left_out_total 2\n",
                           "flashsale_build_info{version=\"" FLASHSALE_VERSION "\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(MetricsTest, BucketsReachFromAQuarterMillisecondToTenSeconds) {
  Metrics metrics;
  auto& seconds = metrics.request_durations().add("GET", "r", 200);
  seconds.observe(0.0001);
  seconds.observe(11);
  metrics.batch_size("s").Observe(1);
  metrics.batch_size("s").Observe(1024);
  const std::string text = metrics.serialize();
  EXPECT_THAT(text, HasSubstr("flashsale_http_request_seconds_bucket{route=\"r\",le=\"0.00025\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("flashsale_http_request_seconds_bucket{route=\"r\",le=\"10\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("flashsale_http_request_seconds_bucket{route=\"r\",le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("flashsale_batch_size_bucket{stage=\"s\",le=\"1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("flashsale_batch_size_bucket{stage=\"s\",le=\"1024\"} 2\n"));
}

TEST(MetricsTest, UnlabelledGaugesAreThereFromTheStart) {
  const std::string text = Metrics().serialize();
  EXPECT_THAT(text, HasSubstr("flashsale_pending_log_entries 0\n"));
  EXPECT_THAT(text, HasSubstr("flashsale_pulse_age_seconds 0\n"));
}

TEST(MetricsTest, WhatAlertsCountBeginsAtZero) {
  const std::string text = Metrics().serialize();
  for (const char* line :
       {"flashsale_rebuilds_total{result=\"published\"} 0\n",
        "flashsale_connections_refused_total{reason=\"limit\"} 0\n",
        "flashsale_payments_total{outcome=\"refund_required\"} 0\n",
        "flashsale_drift_units_total{direction=\"too_many\"} 0\n", "flashsale_order_final_seconds_count 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(MetricsTest, RequestsHaveOpenTelemetrysNamesAsWell) {
  Metrics metrics;
  metrics.request_durations().add("POST", "/v1/sales/{sale_id}/orders", 201).observe(0.07);
  EXPECT_THAT(metrics.serialize(),
              HasSubstr("http_server_request_duration_seconds_bucket{http_request_method=\"POST\","
                        "http_response_status_code=\"201\",http_route=\"/v1/sales/{sale_id}/orders\","
                        "url_scheme=\"http\",le=\"0.075\"} 1\n"));
}

TEST(MetricsTest, WhatIsReadWhenSomebodyAsksIsReadEachTime) {
  Metrics metrics;
  int asked = 0;
  metrics.on_serialize([&asked](Metrics::Families& families) {
    prometheus::MetricFamily family;
    family.name = "flashsale_asked";
    family.type = prometheus::MetricType::Gauge;
    family.metric.emplace_back();
    family.metric.back().gauge.value = ++asked;
    families.push_back(family);
  });
  EXPECT_THAT(metrics.serialize(), HasSubstr("flashsale_asked 1\n"));
  EXPECT_THAT(metrics.serialize(), HasSubstr("flashsale_asked 2\n"));
}

TEST(MetricsTest, LookingUpAgainGivesTheSame) {
  Metrics metrics;
  EXPECT_EQ(&metrics.batch_size("a"), &metrics.batch_size("a"));
  EXPECT_NE(&metrics.batch_size("a"), &metrics.batch_size("b"));
  EXPECT_EQ(&metrics.pending_log_entries(), &metrics.pending_log_entries());
}

TEST(MetricsTest, ThreadsCountTogether) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&metrics] {
      prometheus::Counter& counter = metrics.reservations("accepted");
      for (int i = 0; i < 1000; ++i) {
        counter.Increment();
        metrics.dependency_seconds("redis", "reserve").Observe(0.001);
      }
    });
  }
  for (int i = 0; i < 20; ++i) static_cast<void>(metrics.serialize());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(metrics.reservations("accepted").Value(), 4000);
  EXPECT_THAT(metrics.serialize(),
              HasSubstr("flashsale_dependency_seconds_count{dependency=\"redis\",operation=\"reserve\"} 4000\n"));
}

}  // namespace
}  // namespace flashsale::telemetry
