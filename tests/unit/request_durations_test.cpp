#include "flashsale/telemetry/request_durations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RequestDurationsTest, CellsOfAllThreadsAreOneSeries) {
  Metrics metrics;
  auto& durations = metrics.request_durations();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&durations] {
      auto& cell = durations.add("POST", "/orders", 201);
      for (int i = 0; i < 1000; ++i) cell.observe(0.5);
    });
  }
  for (int i = 0; i < 20; ++i) static_cast<void>(metrics.serialize());
  for (auto& thread : threads) thread.join();
  const std::string text = metrics.serialize();
  for (const char* line :
       {"flashsale_http_requests_total{route=\"/orders\",status=\"201\"} 4000\n",
        "flashsale_http_request_seconds_count{route=\"/orders\"} 4000\n",
        "flashsale_http_request_seconds_sum{route=\"/orders\"} 2000\n",
        "http_server_request_duration_seconds_count{http_request_method=\"POST\",http_response_status_code=\"201\","
        "http_route=\"/orders\",url_scheme=\"http\"} 4000\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(RequestDurationsTest, ARouteSumsItsMethodsAndStatuses) {
  Metrics metrics;
  auto& durations = metrics.request_durations();
  durations.add("GET", "/sales", 200).observe(0.001);
  durations.add("HEAD", "/sales", 200).observe(0.002);
  durations.add("GET", "/sales", 304).observe(0.003);
  durations.add("GET", "/orders", 200).observe(0.004);
  const std::string text = metrics.serialize();
  for (const char* line : {"flashsale_http_requests_total{route=\"/sales\",status=\"200\"} 2\n",
                           "flashsale_http_requests_total{route=\"/sales\",status=\"304\"} 1\n",
                           "flashsale_http_request_seconds_bucket{route=\"/sales\",le=\"0.001\"} 1\n",
                           "flashsale_http_request_seconds_bucket{route=\"/sales\",le=\"0.0025\"} 2\n",
                           "flashsale_http_request_seconds_count{route=\"/sales\"} 3\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_EQ(durations.of_route("/sales").sample_count, 3U);
  EXPECT_EQ(durations.of_route("/carts").sample_count, 0U);
}

TEST(RequestDurationsTest, ARouteIsShownBeforeAnybodyHasAskedForIt) {
  Metrics metrics;
  metrics.request_durations().add_route("/sales");
  const std::string text = metrics.serialize();
  EXPECT_THAT(text, HasSubstr("flashsale_http_request_seconds_count{route=\"/sales\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("flashsale_http_requests_total{route=\"/sales\"")));
}

/// Both families are made of one observation, though their bounds differ.
TEST(RequestDurationsTest, EachFamilyHasItsOwnBounds) {
  Metrics metrics;
  auto& cell = metrics.request_durations().add("GET", "/sales", 200);
  for (const double seconds : {0.07, 0.075, 0.08}) cell.observe(seconds);
  const std::string text = metrics.serialize();
  EXPECT_THAT(text, HasSubstr("flashsale_http_request_seconds_bucket{route=\"/sales\",le=\"0.05\"} 0\n"
                              "flashsale_http_request_seconds_bucket{route=\"/sales\",le=\"0.1\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("url_scheme=\"http\",le=\"0.075\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("flashsale_http_request_seconds_bucket{route=\"/sales\",le=\"0.075\"}")));
}

TEST(RequestDurationsTest, CellsShareTheExemplarsOfTheirSeries) {
  Metrics metrics;
  auto& durations = metrics.request_durations();
  auto& one = durations.add("GET", "/sales", 200);
  auto& other = durations.add("GET", "/sales", 200);
  one.observe(0.02);
  other.observe(3);
  metrics.note_exemplar(one, 0.02, {1, 1});
  metrics.note_exemplar(other, 3, {2, 2});
  const auto text = metrics.serialize_open_metrics();
  EXPECT_THAT(text, HasSubstr("le=\"0.025\"} 1 # {trace_id=\"00000000000000010000000000000001\"} 0.02 "));
  EXPECT_THAT(text, HasSubstr("le=\"5\"} 2 # {trace_id=\"00000000000000020000000000000002\"} 3 "));
}

}  // namespace
}  // namespace flashsale::telemetry
