#include "flashsale/telemetry/tracer.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace flashsale::telemetry {
namespace {

using namespace std::chrono_literals;

const std::string kFlagged = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const std::string kUnflagged = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const TraceTime kNow = TraceTime{} + 1000h;

class TracerTest : public testing::Test {
 protected:
  /// Nothing is kept by chance unless a test says so.
  void use(Tracer::Options options) { tracer = std::make_unique<Tracer>(options, metrics); }
  void SetUp() override { use({.keep_one_in = 0}); }

  RequestTrace serve(unsigned status, std::chrono::milliseconds took = 1ms, const std::string& traceparent = "",
                     TraceTime at = kNow, std::chrono::milliseconds waited = 0ms) {
    RequestTrace trace;
    tracer->begin(trace, traceparent, "shop-1", at);
    trace.waited = waited;
    tracer->end(trace, {.method = "POST",
                        .route = "/v1/sales/{sale_id}/orders",
                        .path = "/v1/sales/s/orders",
                        .request_id = "shop-1",
                        .status = status,
                        .received_at = at - 10s,
                        .ended = at + took});
    return trace;
  }
  std::size_t kept() { return tracer->take(100'000).size(); }

  Metrics metrics;
  std::unique_ptr<Tracer> tracer;
};

TEST_F(TracerTest, ARequestBelongsToItsCallersTrace) {
  RequestTrace trace;
  tracer->begin(trace, kUnflagged, std::string(32, 'a'), kNow);
  EXPECT_EQ(to_string(trace.context.trace_id), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(span_text(trace.parent), "00f067aa0ba902b7");
  EXPECT_NE(trace.context.span_id, trace.parent);
  EXPECT_TRUE(trace.has_caller);
  EXPECT_FALSE(trace.context.is_sampled);
}

TEST_F(TracerTest, WithoutOneItsIdNamesTheTrace) {
  RequestTrace trace;
  for (const char* missing : {"", "00-broken"}) {
    tracer->begin(trace, missing, std::string(32, 'a'), kNow);
    EXPECT_EQ(to_string(trace.context.trace_id), std::string(32, 'a'));
    EXPECT_EQ(trace.parent, 0U);
    EXPECT_FALSE(trace.has_caller);
  }
  tracer->begin(trace, "", "no-trace-id", kNow);
  EXPECT_TRUE(trace.context.is_set());
}

TEST_F(TracerTest, FailuresAndWhatIsSlowAreKept) {
  EXPECT_EQ(serve(503).kept_for, KeptFor::failure);
  EXPECT_EQ(serve(409, 250ms).kept_for, KeptFor::slow);
  EXPECT_EQ(serve(201, 249ms).kept_for, KeptFor::nothing);
  EXPECT_EQ(serve(201).kept_for, KeptFor::nothing) << "its client took 10 s to send it";
  EXPECT_EQ(serve(201, 1ms, kUnflagged).kept_for, KeptFor::nothing);
  const auto traces = tracer->take(10);
  ASSERT_EQ(traces.size(), 2U);
  EXPECT_EQ(traces[0].status, 503U);
  EXPECT_EQ(traces[0].route, "/v1/sales/{sale_id}/orders");
  EXPECT_EQ(traces[1].trace.kept_for, KeptFor::slow);
}

TEST_F(TracerTest, WhatItsClientWishedToWaitMakesARequestNotSlow) {
  EXPECT_EQ(serve(200, 30s, "", kNow, 29'800ms).kept_for, KeptFor::nothing);
  EXPECT_EQ(serve(200, 30s, "", kNow, 29'750ms).kept_for, KeptFor::slow) << "its own work took 250 ms";
  EXPECT_EQ(serve(503, 30s, "", kNow, 30s).kept_for, KeptFor::failure);
  RequestTrace trace;
  trace.waited = 30s;
  tracer->begin(trace, "", "r", kNow);
  EXPECT_EQ(trace.waited.count(), 0) << "the next request of a connection begins anew";
}

TEST_F(TracerTest, ACallersFlagKeepsARequestFromItsBeginning) {
  RequestTrace trace;
  tracer->begin(trace, kFlagged, "r", kNow);
  EXPECT_TRUE(trace.context.is_sampled);
  EXPECT_EQ(serve(201, 1ms, kFlagged).kept_for, KeptFor::flag);
}

TEST_F(TracerTest, OneInSoManyIsKept) {
  use({.keep_one_in = 10, .kept_per_s_max = 100'000, .queue_max = 100'000});
  for (int i = 0; i < 20'000; ++i) serve(201);
  const auto some = kept();
  EXPECT_GT(some, 1500U);
  EXPECT_LT(some, 2500U);
  use({.keep_one_in = 1});
  EXPECT_EQ(serve(201).kept_for, KeptFor::chance);
}

TEST_F(TracerTest, AFloodOfFlaggedRequestsTakesNoRoomFromFailures) {
  use({.keep_one_in = 0, .kept_per_s_max = 5});
  for (int i = 0; i < 100; ++i) serve(201, 1ms, kFlagged);
  EXPECT_EQ(kept(), 5U);
  for (int i = 0; i < 100; ++i) serve(503);
  for (int i = 0; i < 100; ++i) serve(409, 1s);
  EXPECT_EQ(kept(), 10U);
  EXPECT_EQ(serve(503, 1ms, kFlagged, kNow + 1s).kept_for, KeptFor::flag);
  EXPECT_EQ(metrics.traces_dropped("over_rate").Value(), 95 + 95 + 95);
  EXPECT_EQ(metrics.traces_kept("failure").Value(), 5);
}

TEST_F(TracerTest, AFlaggedRequestBeyondTheRateIsStillKeptWhenItFails) {
  use({.keep_one_in = 0, .kept_per_s_max = 1});
  EXPECT_EQ(serve(201, 1ms, kFlagged).kept_for, KeptFor::flag);
  EXPECT_EQ(serve(201, 1ms, kFlagged).kept_for, KeptFor::nothing);
  EXPECT_EQ(serve(503, 1ms, kFlagged).kept_for, KeptFor::failure);
}

TEST_F(TracerTest, WhatNobodyTakesIsBounded) {
  use({.keep_one_in = 0, .kept_per_s_max = 100, .queue_max = 3});
  for (int i = 0; i < 10; ++i) serve(500);
  EXPECT_EQ(metrics.traces_dropped("queue_full").Value(), 7);
  EXPECT_EQ(tracer->take(2).size(), 2U);
  EXPECT_EQ(tracer->take(2).size(), 1U);
  EXPECT_TRUE(tracer->take(2).empty());
}

TEST(SecondBudgetTest, BeginsAnewEachSecondAndNeverGoesBack) {
  SecondBudget budget(2);
  EXPECT_TRUE(budget.take(kNow));
  EXPECT_TRUE(budget.take(kNow + 999ms));
  EXPECT_FALSE(budget.take(kNow));
  EXPECT_TRUE(budget.take(kNow + 1s));
  EXPECT_TRUE(budget.take(kNow)) << "a thread that comes late takes of the second that is";
  EXPECT_FALSE(budget.take(kNow));
  EXPECT_FALSE(budget.take(kNow + 1s));
  EXPECT_FALSE(SecondBudget(0).take(kNow));
}

}  // namespace
}  // namespace flashsale::telemetry
