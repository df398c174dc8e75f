#include "api/metrics_endpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replied_exchange.hpp"

namespace flashsale::api {
namespace {

TEST(MetricsEndpointTest, OpenMetricsIsGivenToWhoeverPrefersIt) {
  for (const char* accept :
       {"application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8",
        "APPLICATION/OpenMetrics-Text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
        "text/plain;q=0.5, application/openmetrics-text;q=0.5"}) {
    EXPECT_TRUE(prefers_open_metrics(accept)) << accept;
  }
  for (const char* accept :
       {"", "*/*", "text/plain", "application/openmetrics-text;q=0", "application/openmetrics-text;q=x",
        "application/openmetrics-text;version=2.0.0", "text/plain, application/openmetrics-text;q=0.9",
        "application/openmetrics-texts", ",;=,;q=", "application/openmetrics-text;q=nan"}) {
    EXPECT_FALSE(prefers_open_metrics(accept)) << accept;
  }
}

TEST(MetricsEndpointTest, AnswersInTheFormThatItNames) {
  const telemetry::Metrics metrics;
  Routes routes;
  add_metrics_route(routes, metrics);
  RepliedExchange plain;
  routes.front().handler(plain);
  EXPECT_EQ(plain.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(plain.body, testing::Not(testing::HasSubstr("# EOF")));
  RepliedExchange open;
  open.asked.headers[static_cast<std::size_t>(Header::accept)] = "application/openmetrics-text";
  routes.front().handler(open);
  EXPECT_EQ(open.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_THAT(open.body, testing::EndsWith("# EOF\n"));
}

}  // namespace
}  // namespace flashsale::api
