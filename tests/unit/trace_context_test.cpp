#include "flashsale/telemetry/trace_context.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flashsale::telemetry {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kSpan = "00f067aa0ba902b7";

std::string traceparent(const std::string& flags) { return "00-" + kTrace + "-" + kSpan + "-" + flags; }

TEST(TraceContextTest, ReadsTheExampleOfTheRecommendation) {
  const auto context = parse_traceparent(traceparent("01"));
  ASSERT_TRUE(context);
  EXPECT_EQ(to_string(context->trace_id), kTrace);
  EXPECT_EQ(span_text(context->span_id), kSpan);
  EXPECT_TRUE(context->is_sampled);
  EXPECT_EQ(format_traceparent(*context), traceparent("01"));
}

TEST(TraceContextTest, OnlyTheLastFlagIsKnown) {
  EXPECT_FALSE(parse_traceparent(traceparent("00"))->is_sampled);
  EXPECT_FALSE(parse_traceparent(traceparent("fe"))->is_sampled);
  EXPECT_TRUE(parse_traceparent(traceparent("ff"))->is_sampled);
  EXPECT_EQ(format_traceparent(*parse_traceparent(traceparent("fe"))), traceparent("00"));
}

TEST(TraceContextTest, ALaterVersionMayHaveMoreBehindIt) {
  EXPECT_TRUE(parse_traceparent("cc-" + kTrace + "-" + kSpan + "-01"));
  EXPECT_TRUE(parse_traceparent("cc-" + kTrace + "-" + kSpan + "-01-what-comes"));
  EXPECT_FALSE(parse_traceparent("cc-" + kTrace + "-" + kSpan + "-01.what-comes"));
  EXPECT_FALSE(parse_traceparent(traceparent("01") + "-what-comes"));
}

TEST(TraceContextTest, WhatIsNotValidIsNotRead) {
  for (const auto& text :
       {std::string(), std::string("00"), traceparent("0"), traceparent("01 "), " " + traceparent("01"),
        traceparent("0G"), traceparent("0A"), "ff" + traceparent("01").substr(2), "0x" + traceparent("01").substr(2),
        "00-" + std::string(32, '0') + "-" + kSpan + "-01", "00-" + kTrace + "-" + std::string(16, '0') + "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kSpan + "-01", "00-" + kTrace + "-00F067AA0BA902B7-01",
        "00_" + kTrace + "-" + kSpan + "-01", "00-" + kTrace + "_" + kSpan + "-01",
        "00-" + kTrace + "-" + kSpan + "_01", "00-" + kTrace + kSpan + "--01", std::string(55, '-'),
        std::string(4096, '0')}) {
    EXPECT_FALSE(parse_traceparent(text)) << text;
  }
}

TEST(TraceContextTest, ARequestIdCanNameATrace) {
  EXPECT_EQ(to_string(*parse_trace_id(kTrace)), kTrace);
  for (const auto& text :
       {std::string(), kTrace + "0", kTrace.substr(1), std::string(32, '0'),
        std::string("4BF92F3577B34DA6A3CE929D0E0E4736"), std::string("4bf92f35-77b3-4da6-a3ce-929d0e0e")}) {
    EXPECT_FALSE(parse_trace_id(text)) << text;
  }
}

TEST(TraceContextTest, MadeIdsDifferAndAreSet) {
  EXPECT_NE(make_trace_id(), make_trace_id());
  EXPECT_TRUE(make_trace_id().is_set());
  EXPECT_NE(make_span_id(), make_span_id());
  EXPECT_NE(make_span_id(), 0U);
}

}  // namespace
}  // namespace flashsale::telemetry
